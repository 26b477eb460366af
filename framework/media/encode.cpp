#include "framework/media/encode.h"

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "framework/base/error.h"

namespace flam {

std::string encode_png(const Picture& picture) {
  const at::Tensor rgb = picture.rgb.contiguous();
  const cv::Mat view(static_cast<int>(picture.height()), static_cast<int>(picture.width()), CV_8UC3,
                     const_cast<uint8_t*>(rgb.const_data_ptr<uint8_t>()));
  cv::Mat bgr;
  std::vector<unsigned char> bytes;
  try {
    cv::cvtColor(view, bgr, cv::COLOR_RGB2BGR);
    if (!cv::imencode(".png", bgr, bytes)) throw RunError("a picture could not be written as PNG");
  } catch (const cv::Exception& error) {
    throw RunError(std::string("a picture could not be written as PNG: ") + error.what());
  }
  return {bytes.begin(), bytes.end()};
}

}  // namespace flam
