// Reads the blocks of a GIF file: size, transparency and the number of pictures.
#include "framework/media/header_reader.h"

namespace flam::picture_headers {

PictureHeader read_gif(std::string_view bytes) {
  const Reader in(bytes, false);
  PictureHeader header;
  header.width = in.u16(6);
  header.height = in.u16(8);
  const auto colour_table = [&](uint32_t flags) -> uint64_t {
    return (flags & 0x80) != 0 ? uint64_t{6} << (flags & 7) : 0;
  };
  uint64_t at = 13 + colour_table(in.u8(10));
  const auto skip_blocks = [&] {
    while (const uint32_t length = in.u8(at++)) at += length;
  };
  int pictures = 0;
  while (true) {
    const uint32_t kind = in.u8(at++);
    if (kind == 0x3b) break;  // the end
    if (kind == 0x2c) {
      if (++pictures > 1) throw Invalid{kAnimation};
      at += 9 + colour_table(in.u8(at + 8)) + 1;  // position and size, colour table, code size
    } else if (kind == 0x21) {
      const bool is_control = in.u8(at++) == 0xf9;
      if (is_control && (in.u8(at + 1) & 1) != 0) header.alpha = Alpha::straight;
    } else {
      throw Invalid{"it has a block of unknown type"};
    }
    skip_blocks();
  }
  if (pictures == 0) throw Invalid{"it holds no picture"};
  return header;
}

}  // namespace flam::picture_headers
