#include "framework/media/decode.h"

#include <ATen/ops/empty.h>

#include <climits>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/media/picture_header.h"

namespace flam {
namespace {

/// From memory only: given a file name, OpenCV would ask GDAL too, which opens whatever the file's text
/// names.
cv::Mat decode_colour(const std::string& bytes) {
  [[maybe_unused]] static const auto before =
      cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  try {
    return cv::imdecode(encoded, cv::IMREAD_COLOR);
  } catch (const cv::Exception&) {
    return {};  // the same to us as an empty result
  }
}

}  // namespace

Picture decode_picture(const std::string& bytes, const std::string& name, const DecodeLimits& limits) {
  if (bytes.empty()) throw Error(cat("picture ", quoted(name), " is empty"));
  if (static_cast<int64_t>(bytes.size()) > std::min<int64_t>(limits.max_bytes, INT_MAX)) {
    throw Error(cat("picture ", quoted(name), " has ", bytes.size(), " bytes, more than the limit of ",
                    limits.max_bytes));
  }
  const PictureHeader header = read_picture_header(bytes, name);
  if (header.width > limits.max_pixels / header.height) {
    throw Error(cat("picture ", quoted(name), " has ", header.width, " x ", header.height,
                    " pixels, more than the limit of ", limits.max_pixels, "; make it smaller"));
  }
  const cv::Mat bgr = decode_colour(bytes);
  if (bgr.empty() && std::string_view(header.format) == "GIF") {
    throw Error(cat("picture ", quoted(name), " is a GIF file, which the OpenCV in use (", CV_VERSION,
                    ") can't decode; convert it to PNG"));
  }
  if (bgr.empty() || bgr.type() != CV_8UC3) {
    throw Error(cat("picture ", quoted(name), " is broken: it begins as a ", header.format, " file of ",
                    header.width, " x ", header.height, " pixels, but can't be decoded"));
  }
  Picture picture{at::empty({bgr.rows, bgr.cols, 3}, at::kByte)};
  cv::Mat rgb(bgr.rows, bgr.cols, CV_8UC3, picture.rgb.mutable_data_ptr<uint8_t>());
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return picture;
}

Picture load_picture(const PictureSource& source, const DecodeLimits& limits) {
  if (source.picture) return *source.picture;
  if (source.bytes) return decode_picture(*source.bytes, source.name(), limits);
  return decode_picture(read_file(source.path, limits.max_bytes), source.path, limits);
}

}  // namespace flam
