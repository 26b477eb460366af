#pragma once
// What a picture file says of itself, read without a decoder: nothing is decoded before its size is known.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framework/base/export.h"
#include "framework/media/picture_format.h"

namespace flam {

/// How colours are stored where a picture has an alpha channel: as they are, or multiplied by alpha.
enum class Alpha { none, straight, premultiplied };

struct PictureHeader {
  PictureFormat format = PictureFormat::none;
  int64_t width = 0, height = 0;  // as the pixels are stored
  int orientation = 1;            // as in EXIF: 1 upright, …, 6 to be turned clockwise, 8 counterclockwise
  Alpha alpha = Alpha::none;
  std::optional<uint32_t> transparent_grey;  // the value that is transparent, of a grey PNG without alpha
  int bits_per_value = 8;

  // As the picture is looked at.
  int64_t oriented_width() const { return orientation >= 5 ? height : width; }
  int64_t oriented_height() const { return orientation >= 5 ? width : height; }
};

/// Recognises PNG, JPEG, WebP, BMP, PNM (P1 to P6), TIFF and GIF by their first bytes and reads size,
/// orientation (of EXIF in JPEG, PNG, WebP and TIFF) and transparency. A file that ends before its format's
/// own end mark or announced length is refused: decoders fill the rest with grey and say nothing. So is one
/// that holds several pictures: frames or pages. Error: a format that is not decoded, cut off, no size,
/// several pictures.
FLAM_API PictureHeader read_picture_header(std::string_view bytes, const std::string& name);

}  // namespace flam
