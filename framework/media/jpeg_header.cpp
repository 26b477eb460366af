// Reads the segments of a JPEG file: its size, and the orientation from the EXIF segment, wherever that is.
#include <algorithm>

#include "framework/media/exif.h"
#include "framework/media/header_reader.h"

namespace flam::picture_headers {
namespace {

/// Position of the first marker after entropy-coded data that starts at `at`.
uint64_t end_of_scan(std::string_view bytes, uint64_t at) {
  while (true) {
    at = bytes.find('\xff', at);
    if (at == std::string_view::npos || at + 1 >= bytes.size()) throw CutOff{};
    const auto next = static_cast<unsigned char>(bytes[at + 1]);
    const bool stuffed_or_restart = next == 0 || (next >= 0xd0 && next <= 0xd7);
    if (!stuffed_or_restart && next != 0xff) return at;
    at += next == 0xff ? 1 : 2;
  }
}

}  // namespace

PictureHeader read_jpeg(std::string_view bytes) {
  const Reader in(bytes, true);
  PictureHeader header;
  int orientation = 0;
  constexpr int kMostScans = 100;  // each scan is decoded for the whole picture; encoders write about ten
  int scans = 0;
  for (uint64_t at = 2;;) {
    at = end_of_scan(bytes, at);  // also skips fill bytes and stray bytes between segments, as libjpeg does
    const uint32_t marker = in.u8(at + 1);
    if (marker == 0xd9) break;
    at += 2;
    if (marker == 0x01 || marker == 0xd8) continue;  // no length
    if (marker == 0xda && ++scans > kMostScans)
      throw Invalid{"it has more than 100 scans, which would take too long to decode"};
    const uint64_t next = at + std::max<uint32_t>(in.u16(at), 2);
    const bool is_frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (is_frame && header.height == 0) {  // the decoder also uses the first one
      header.height = in.u16(at + 3);
      header.width = in.u16(at + 5);
    }
    // EXIF may follow other segments, such as XMP, which is also an APP1 segment. Decoders read neither after
    // the first scan.
    if (marker == 0xe1 && scans == 0 && orientation == 0) {
      const std::string_view segment = in.text(at + 2, next - at - 2);
      if (segment.starts_with(std::string_view("Exif\0", 5))) orientation = exif_orientation(segment);
    }
    at = next;
  }
  header.orientation = std::max(orientation, 1);
  return header;
}

}  // namespace flam::picture_headers
