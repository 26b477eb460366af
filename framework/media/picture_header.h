#pragma once
// What a picture file says of itself, read without a decoder: nothing is decoded before its size is known.

#include <cstdint>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

struct PictureHeader {
  const char* format = "";  // "PNG", "JPEG", …
  int64_t width = 0, height = 0;
};

/// Recognises PNG, JPEG, WebP, BMP, PNM (P1 to P6), TIFF and GIF by their first bytes and reads the size. A
/// file that ends before its format's own end mark or announced length is refused: decoders fill the rest
/// with grey and say nothing. Error: unknown format, cut off, no size.
FLAM_API PictureHeader read_picture_header(std::string_view bytes, const std::string& name);

}  // namespace flam
