#include "framework/media/background.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>

namespace flam {
namespace {

template <class Value>
cv::Mat blend(const cv::Mat& bgra, Alpha alpha, const Rgb& background) {
  constexpr int kToEightBits = 8 * (sizeof(Value) - 1);
  cv::Mat out(bgra.rows, bgra.cols, CV_8UC3);
  for (int y = 0; y < bgra.rows; ++y) {
    const auto* in = bgra.ptr<Value>(y);
    auto* to = out.ptr<uint8_t>(y);
    for (int x = 0; x < bgra.cols; ++x, in += 4, to += 3) {
      const int weight = in[3] >> kToEightBits;
      for (int c = 0; c < 3; ++c) {
        const int colour = (in[c] >> kToEightBits) * (alpha == Alpha::premultiplied ? 255 : weight);
        const int sum = colour + background[2 - c] * (255 - weight);
        to[c] = static_cast<uint8_t>(std::min((sum + 127) / 255, 255));
      }
    }
  }
  return out;
}

}  // namespace

cv::Mat over_background(const cv::Mat& bgra, Alpha alpha, const Rgb& background) {
  if (bgra.type() == CV_8UC4) return blend<uint8_t>(bgra, alpha, background);
  if (bgra.type() == CV_16UC4) return blend<uint16_t>(bgra, alpha, background);
  return {};
}

cv::Mat with_alpha(const cv::Mat& grey, const PictureHeader& header) {
  if (grey.empty() || (grey.type() != CV_8UC1 && grey.type() != CV_16UC1)) return {};
  uint32_t value =
      *header.transparent_grey;  // with the file's bit depth; OpenCV expands fewer than 8 bits to 8
  if (header.bits_per_value < 8) value = value * 255 / ((1U << header.bits_per_value) - 1);
  cv::Mat transparent, bgra;
  cv::inRange(grey, value, value, transparent);
  cv::cvtColor(grey, bgra, cv::COLOR_GRAY2BGRA);
  bgra.setTo(cv::Scalar::all(0), transparent);
  return bgra;
}

}  // namespace flam
