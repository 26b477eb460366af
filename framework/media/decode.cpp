#include "framework/media/decode.h"

#include <ATen/ops/empty.h>

#include <climits>
#include <filesystem>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "framework/base/error.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/media/background.h"
#include "framework/media/exif.h"
#include "framework/media/picture_header.h"

namespace flam {
namespace {

/// Decodes from memory only. Given a file name, OpenCV would also try GDAL, which opens any file that the
/// text of this one names.
cv::Mat decode(const std::string& bytes, int flags) {
  [[maybe_unused]] static const auto before =
      cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  try {
    return cv::imdecode(encoded, flags);
  } catch (const cv::Exception&) {
    return {};  // treated like an empty result
  }
}

/// OpenCV's flag for decoding a JPEG picture at 1/`reduction` of its size.
int colour_at(int reduction) {
  return reduction == 1   ? cv::IMREAD_COLOR
         : reduction == 2 ? cv::IMREAD_REDUCED_COLOR_2
         : reduction == 4 ? cv::IMREAD_REDUCED_COLOR_4
                          : cv::IMREAD_REDUCED_COLOR_8;
}

/// Returns the picture as 8-bit BGR in its stored orientation, laid on the background if there is one. Empty
/// if it can't be decoded.
cv::Mat stored_pixels(const std::string& bytes, const PictureHeader& header, const DecodeOptions& options,
                      int reduction) {
  if (header.format == PictureFormat::tiff && header.orientation != 1) {  // libtiff would rotate it
    PictureHeader upright = header;
    upright.orientation = 1;
    return stored_pixels(without_orientation(bytes), upright, options, reduction);
  }
  if (!options.background || (header.alpha == Alpha::none && !header.transparent_grey))
    return decode(bytes, colour_at(reduction) | cv::IMREAD_IGNORE_ORIENTATION);
  cv::Mat all = decode(bytes, cv::IMREAD_UNCHANGED);  // this does not rotate it either
  if (header.transparent_grey && all.channels() == 1) all = with_alpha(all, header);
  return over_background(all, header.alpha, *options.background);
}

/// Rotates and mirrors a picture from its stored orientation (EXIF 1 to 8) to the upright one.
cv::Mat oriented(const cv::Mat& stored, int orientation) {
  constexpr int kLeftRight = 1, kUpDown = 0, kBoth = -1;
  cv::Mat transposed, out;
  if (orientation >= 5) cv::transpose(stored, transposed);
  switch (orientation) {
    case 2:
      cv::flip(stored, out, kLeftRight);
      break;
    case 3:
      cv::flip(stored, out, kBoth);
      break;
    case 4:
      cv::flip(stored, out, kUpDown);
      break;
    case 5:
      return transposed;
    case 6:
      cv::flip(transposed, out, kLeftRight);
      break;
    case 7:
      cv::flip(transposed, out, kBoth);
      break;
    case 8:
      cv::flip(transposed, out, kUpDown);
      break;
    default:
      return stored;
  }
  return out;
}

/// Returns the header of the picture. Error: it is empty or exceeds a limit, or its header is invalid.
PictureHeader header_within(std::string_view bytes, const std::string& name, const DecodeOptions& options) {
  if (bytes.empty()) throw Error(cat("picture ", quoted(name), " is empty"));
  if (static_cast<int64_t>(bytes.size()) > std::min<int64_t>(options.max_bytes, INT_MAX)) {
    throw Error(cat("picture ", quoted(name), " has ", bytes.size(), " bytes, more than the limit of ",
                    options.max_bytes));
  }
  PictureHeader header = read_picture_header(bytes, name);
  if (header.width > options.max_pixels / header.height) {
    throw Error(cat("picture ", quoted(name), " has ", header.width, " x ", header.height,
                    " pixels, more than the limit of ", options.max_pixels, "; make it smaller"));
  }
  return header;
}

/// Decodes a picture; a JPEG picture at 1/`reduction` of its size, rounded up.
Picture decode_at(const std::string& bytes, const std::string& name, const DecodeOptions& options,
                  const PictureHeader& header, int reduction) {
  cv::Mat bgr = stored_pixels(bytes, header, options, reduction);
  if (bgr.empty() && header.format == PictureFormat::gif) {
    throw Error(cat("picture ", quoted(name), " is a GIF file, which the OpenCV in use (", CV_VERSION,
                    ") can't decode; convert it to PNG"));
  }
  if (bgr.empty() && options.background && (header.alpha != Alpha::none || header.transparent_grey)) {
    throw Error(cat("picture ", quoted(name),
                    " is broken, or its kind of transparency can't be laid on a "
                    "background; convert it to PNG"));
  }
  // The layout of a prompt relies on the size in the header, so the decoded size must equal it.
  const auto reduced = [reduction](int64_t size) { return (size + reduction - 1) / reduction; };
  if (bgr.empty() || bgr.type() != CV_8UC3 || bgr.rows != reduced(header.height) ||
      bgr.cols != reduced(header.width)) {
    throw Error(cat("picture ", quoted(name), " is broken: it begins as a ", name_of(header.format),
                    " file of ", header.width, " x ", header.height, " pixels, but can't be decoded"));
  }
  if (options.orientation == DecodeOptions::Orientation::apply) bgr = oriented(bgr, header.orientation);
  Picture picture{at::empty({bgr.rows, bgr.cols, 3}, at::kByte)};
  cv::Mat rgb(bgr.rows, bgr.cols, CV_8UC3, picture.rgb.mutable_data_ptr<uint8_t>());
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  return picture;
}

}  // namespace

std::string DecodeOptions::key() const {
  std::string out = orientation == Orientation::apply ? "oriented" : "as stored";
  if (background) out += cat(" on ", +(*background)[0], ",", +(*background)[1], ",", +(*background)[2]);
  return cat(out, " up to ", max_pixels, " pixels, ", max_bytes, " bytes");
}

Picture decode_picture(const std::string& bytes, const std::string& name, const DecodeOptions& options) {
  return decode_at(bytes, name, options, header_within(bytes, name, options), 1);
}

Picture decode_reduced(const std::string& bytes, const std::string& name, const DecodeOptions& options,
                       int64_t side) {
  const PictureHeader header = header_within(bytes, name, options);
  int reduction = 1;
  while (header.format == PictureFormat::jpeg && reduction < 8 &&
         std::max(header.width, header.height) >= 2 * reduction * side)
    reduction *= 2;
  return decode_at(bytes, name, options, header, reduction);
}

std::string read_picture_file(const std::string& path, const DecodeOptions& options) {
  std::error_code ignored;
  const auto why_not = why_not_a_path(path);
  if (why_not && !std::filesystem::exists(path, ignored))
    throw Error(cat("picture ", quoted(path), " ", *why_not));
  return read_file(path, options.max_bytes);
}

Picture load_picture(const PictureSource& source, const DecodeOptions& options) {
  if (source.features.defined())
    throw Error("the pixels of a picture are needed here, but only its features are given");
  if (source.picture) return *source.picture;
  if (source.bytes) return decode_picture(*source.bytes, source.name(), options);
  return decode_picture(read_picture_file(source.path, options), source.path, options);
}

PictureSize picture_size(const PictureSource& source, const DecodeOptions& options) {
  if (source.picture) return {source.picture->height(), source.picture->width()};
  const PictureHeader header =
      source.bytes ? header_within(*source.bytes, source.name(), options)
                   : header_within(read_picture_file(source.path, options), source.path, options);
  if (options.orientation == DecodeOptions::Orientation::ignore) return {header.height, header.width};
  return {header.oriented_height(), header.oriented_width()};
}

}  // namespace flam
