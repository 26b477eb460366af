// Reads the chunks of a WebP file: size, transparency and orientation.
#include <algorithm>

#include "framework/media/exif.h"
#include "framework/media/header_reader.h"

namespace flam::picture_headers {

PictureHeader read_webp(std::string_view bytes) {
  const Reader in(bytes, false);
  const uint64_t end = 8 + uint64_t{in.u32(4)};
  in.require(end);
  PictureHeader header;
  const std::string_view first = in.text(12, 4);
  if (first == "VP8 ") {
    header.width = in.u16(26) & 0x3fff;
    header.height = in.u16(28) & 0x3fff;
  } else if (first == "VP8L") {
    const uint32_t packed = in.u32(21);
    header.width = (packed & 0x3fff) + 1;
    header.height = (packed >> 14 & 0x3fff) + 1;
    if ((packed >> 28 & 1) != 0) header.alpha = Alpha::straight;
  } else if (first == "VP8X") {
    const uint32_t flags = in.u8(20);
    if ((flags & 0x02) != 0) throw Invalid{kAnimation};
    if ((flags & 0x10) != 0) header.alpha = Alpha::straight;
    header.width = in.u24(24) + 1;
    header.height = in.u24(27) + 1;
  } else {
    throw Invalid{"its first chunk is not a picture"};
  }
  for (uint64_t at = 12; at + 8 <= end;) {
    const uint64_t length = in.u32(at + 4);
    if (in.text(at, 4) == "EXIF" && at + 8 + length <= end) {
      header.orientation = std::max(exif_orientation(in.text(at + 8, length)), 1);
      break;
    }
    at += 8 + length + length % 2;
  }
  return header;
}

}  // namespace flam::picture_headers
