#pragma once
// Transparent pictures on a background. Internal to this folder.

#include <array>
#include <cstdint>
#include <opencv2/core/mat.hpp>

#include "framework/media/picture_header.h"

namespace flam {

using Rgb = std::array<uint8_t, 3>;

/// 8 or 16-bit BGRA → 8-bit BGR: each colour is weighed by its alpha and the background by the rest, in 8
/// bits, rounded to nearest, as Pillow's paste() with a mask. Empty: another type.
cv::Mat over_background(const cv::Mat& bgra, Alpha alpha, const Rgb& background);

/// 8 or 16-bit grey → BGRA that is transparent where the picture has the header's transparent value, of which
/// OpenCV tells nothing. Empty: another type.
cv::Mat with_alpha(const cv::Mat& grey, const PictureHeader& header);

}  // namespace flam
