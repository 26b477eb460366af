#pragma once
// Reads the header of a picture file without a decoder, so that its size is known before anything is decoded.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framework/base/export.h"
#include "framework/media/picture_format.h"

namespace flam {

/// How the colours of a picture with an alpha channel are stored: unchanged, or multiplied by alpha.
enum class Alpha { none, straight, premultiplied };

struct PictureHeader {
  PictureFormat format = PictureFormat::none;
  int64_t width = 0, height = 0;  // as the pixels are stored
  int orientation = 1;            // as in EXIF: 1 upright, …, 6 to be rotated clockwise, 8 counterclockwise
  Alpha alpha = Alpha::none;
  std::optional<uint32_t> transparent_grey;  // the transparent value of a grey PNG without alpha
  int bits_per_value = 8;

  // The size after the picture has been rotated upright.
  int64_t oriented_width() const { return orientation >= 5 ? height : width; }
  int64_t oriented_height() const { return orientation >= 5 ? width : height; }
};

/// Recognises PNG, JPEG, WebP, BMP, PNM (P1 to P6), TIFF and GIF by their first bytes and reads size,
/// orientation (of EXIF in JPEG, PNG, WebP and TIFF) and transparency. A file that ends before the end mark
/// or the length that its format requires is refused, because decoders silently fill the rest with grey.
/// Error: the format is not decoded, or the file is truncated, has no size, or holds several frames or pages.
FLAM_API PictureHeader read_picture_header(std::string_view bytes, const std::string& name);

}  // namespace flam
