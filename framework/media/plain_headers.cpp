// Reads the headers of BMP and PNM files, which are followed by plain rows of pixels.
#include <algorithm>
#include <cstdlib>

#include "framework/media/header_reader.h"

namespace flam::picture_headers {

PictureHeader read_bmp(std::string_view bytes) {
  const Reader in(bytes, false);
  const bool old = in.u32(14) == 12;
  const int64_t width = old ? in.u16(18) : static_cast<int32_t>(in.u32(18));
  const int64_t height = old ? in.u16(20) : std::abs(int64_t{static_cast<int32_t>(in.u32(22))});
  const uint32_t bits = in.u16(old ? 24 : 28), compression = old ? 0 : in.u32(30);
  const bool uncompressed = compression == 0 || compression == 3;
  if (uncompressed && width > 0 && bits <= 32) {
    const uint64_t row = (uint64_t(width) * bits + 31) / 32 * 4;
    in.require(in.u32(10) + row * uint64_t(height));
  }
  PictureHeader header;
  header.width = width;
  header.height = height;
  const bool masks = bits == 32 && compression == 3 && in.u32(14) >= 56;
  if (masks && in.u32(66) != 0) header.alpha = Alpha::straight;
  return header;
}

PictureHeader read_pnm(std::string_view bytes) {
  const Reader in(bytes, false);
  uint64_t at = 2;
  const auto number = [&] {
    while (in.text(at, 1).find_first_of(" \t\r\n\v\f#") == 0) {
      if (bytes[at] == '#') at = std::min(bytes.find_first_of("\r\n", at), bytes.size());
      ++at;
    }
    int64_t value = 0;
    for (const uint64_t start = at; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9'; ++at) {
      if (at - start == 9) throw Invalid{"a number in its header has more than nine digits"};
      value = value * 10 + (bytes[at] - '0');
    }
    // The decoder skips this byte without looking at it, and would miss a comment that begins here.
    if (at < bytes.size() && std::string_view(" \t\r\n\v\f").find(bytes[at]) == std::string_view::npos)
      throw Invalid{"a number in its header is not followed by white space"};
    return value;
  };
  const char kind = bytes[1];
  PictureHeader header;
  header.width = number();
  header.height = number();
  const bool bitmap = kind == '1' || kind == '4';
  const uint64_t bytes_per_value = bitmap || number() < 256 ? 1 : 2;
  if (kind >= '4') {
    const uint64_t values = kind == '6' ? 3 * header.width : header.width;
    in.require(at + 1 + (bitmap ? (values + 7) / 8 : values * bytes_per_value) * header.height);
  }
  return header;
}

}  // namespace flam::picture_headers
