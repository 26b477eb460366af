#pragma once
#include "framework/component/types.h"

namespace flam {

/// Limits on what a picture file may ask for.
struct DecodeLimits {
  int64_t max_pixels = 100'000'000;
  int64_t max_bytes = 256 << 20;  // of the encoded file
};

/// Decodes as the references do (mmcv with OpenCV, IMREAD_COLOR): EXIF orientation applied, alpha dropped, 16 bits to 8,
/// grey and palette to colour; returned as RGB. Only PNG, JPEG, WebP, BMP, PNM, TIFF and GIF signatures reach OpenCV, and
/// the size is read from the header first. Error: missing, not a regular file, unknown format, too large, broken.
FLAM_API Picture decode_picture(const std::string& bytes, const std::string& name, const DecodeLimits& limits = {});
FLAM_API Picture load_picture(const PictureSource& source, const DecodeLimits& limits = {});

}  // namespace flam
