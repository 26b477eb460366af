#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

enum class Interpolation { nearest, bilinear, bicubic, lanczos };

/// Which direction is resized first. The picture is rounded and clipped to 8 bits after each
/// pass, so the order changes some values. horizontal_first: as in Pillow up to 12. adaptive: as in Pillow
/// 13, which does the vertical pass first if the height shrinks, and by more than twice as many pixels as the
/// width.
enum class PassOrder { horizontal_first, adaptive };

/// uint8 [H,W,C] → [height,width,C], bit for bit the result of Pillow's Image.resize (antialiased,
/// fixed-point coefficients; src/libImaging/Resample.c; nearest: src/libImaging/Geometry.c,
/// ImagingScaleAffine). Error: a side below 1, or a result or intermediate picture of more than 100
/// megapixels.
FLAM_API at::Tensor resize_like_pillow(const at::Tensor& image, int64_t height, int64_t width,
                                       Interpolation interpolation,
                                       PassOrder pass_order = PassOrder::horizontal_first);

}  // namespace flam
