#pragma once
// The colours of pictures changed as torchvision does with pictures of Pillow (_functional_pil.py).

#include <ATen/core/Tensor.h>

namespace flam {

// Each takes uint8 [H,W,3] and returns the same shape. A factor of 1 changes nothing.

/// 0: black. PIL.ImageEnhance.Brightness.
at::Tensor adjust_brightness(const at::Tensor& picture, float factor);
/// 0: the mean grey of the picture. PIL.ImageEnhance.Contrast.
at::Tensor adjust_contrast(const at::Tensor& picture, float factor);
/// 0: shades of grey. PIL.ImageEnhance.Color.
at::Tensor adjust_saturation(const at::Tensor& picture, float factor);
/// Turns the hue by `share` of a full turn, −0.5 to 0.5; 0 changes only by rounding, as in Pillow.
at::Tensor adjust_hue(const at::Tensor& picture, double share);

}  // namespace flam
