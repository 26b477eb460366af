#include "framework/media/encode.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

namespace {

/// `settings` are OpenCV's for the format.
std::string encode(const Picture& picture, const char* format, cv::Size size,
                   const std::vector<int>& settings) {
  const std::string failed = cat("a picture could not be written as ", format);
  const at::Tensor rgb = picture.rgb.contiguous();
  const cv::Mat view(static_cast<int>(picture.height()), static_cast<int>(picture.width()), CV_8UC3,
                     const_cast<uint8_t*>(rgb.const_data_ptr<uint8_t>()));
  cv::Mat sized = view, bgr;
  std::vector<unsigned char> bytes;
  try {
    if (size != view.size()) cv::resize(view, sized, size, 0, 0, cv::INTER_AREA);
    cv::cvtColor(sized, bgr, cv::COLOR_RGB2BGR);
    if (!cv::imencode(format, bgr, bytes, settings)) throw RunError(failed);
  } catch (const cv::Exception& error) {
    throw RunError(cat(failed, ": ", error.what()));
  }
  return {bytes.begin(), bytes.end()};
}

cv::Size size_of(const Picture& picture) {
  return {static_cast<int>(picture.width()), static_cast<int>(picture.height())};
}

}  // namespace

std::string encode_png(const Picture& picture) {
  return encode(picture, ".png", size_of(picture), {});
}

std::string encode_thumbnail(const Picture& picture, int64_t side) {
  cv::Size size = size_of(picture);
  const double scale = static_cast<double>(side) / std::max(size.width, size.height);
  if (scale < 1) {
    size = {std::max(1, static_cast<int>(std::lround(size.width * scale))),
            std::max(1, static_cast<int>(std::lround(size.height * scale)))};
  }
  return encode(picture, ".jpg", size, {cv::IMWRITE_JPEG_QUALITY, 75});
}

}  // namespace flam
