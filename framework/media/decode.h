#pragma once
#include "framework/media/picture.h"

namespace flam {

/// Limits on what a picture file may ask for.
struct DecodeLimits {
  int64_t max_pixels = 100'000'000;
  int64_t max_bytes = 256 << 20;  // of the encoded file
};

/// Decodes as the references do (mmcv with OpenCV, IMREAD_COLOR): EXIF orientation applied, alpha dropped, 16
/// bits to 8, grey and palette to colour; returned as RGB. Only PNG, JPEG, WebP, BMP, PNM, TIFF and GIF
/// signatures reach OpenCV, and the size is read from the header first. `name` is how messages call it.
/// Error: empty, unknown format, too large, cut off, broken.
FLAM_API Picture decode_picture(const std::string& bytes, const std::string& name,
                                const DecodeLimits& limits = {});

/// Reads the file if there is one, then decodes. Error besides: missing, not a regular file.
FLAM_API Picture load_picture(const PictureSource& source, const DecodeLimits& limits = {});

}  // namespace flam
