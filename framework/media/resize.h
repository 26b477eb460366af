#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

enum class Interpolation { nearest, bilinear, bicubic };

/// uint8 [H,W,C] → [height,width,C], bit for bit the result of Pillow's Image.resize (antialiased,
/// fixed-point coefficients, horizontal pass first; src/libImaging/Resample.c; nearest:
/// src/libImaging/Geometry.c, ImagingScaleAffine). This holds for Pillow up to 12. Pillow 13 does the
/// vertical pass first for some tall pictures, which the references do not. Error: a side below 1, or a
/// result or intermediate picture of more than 100 megapixels.
FLAM_API at::Tensor resize_like_pillow(const at::Tensor& image, int64_t height, int64_t width,
                                       Interpolation interpolation);

}  // namespace flam
