#pragma once
// Lays transparent pictures on a background. Internal to this folder.

#include <array>
#include <cstdint>
#include <opencv2/core/mat.hpp>

#include "framework/media/picture_header.h"

namespace flam {

using Rgb = std::array<uint8_t, 3>;

/// 8 or 16-bit BGRA → 8-bit BGR: each colour is weighted by its alpha and the background by 255 − alpha, in 8
/// bits and rounded to nearest, like Pillow's paste() with a mask. Returns an empty matrix for any other
/// type.
cv::Mat over_background(const cv::Mat& bgra, Alpha alpha, const Rgb& background);

/// 8 or 16-bit grey → BGRA that is transparent where the picture has the header's transparent value, which
/// OpenCV does not report. Returns an empty matrix for any other type.
cv::Mat with_alpha(const cv::Mat& grey, const PictureHeader& header);

}  // namespace flam
