#include "framework/media/picture_header.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {
namespace {

struct CutOff {};  // a reader went past the end of the file
struct Invalid {
  const char* what;
};

/// Integers at a byte offset, either byte order.
class Reader {
 public:
  explicit Reader(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  size_t size() const { return bytes_.size(); }
  void require(uint64_t end) const {
    if (end > bytes_.size()) throw CutOff{};
  }
  uint32_t u8(uint64_t at) const { return unsigned_at(at, 1); }
  uint32_t u16(uint64_t at) const { return unsigned_at(at, 2); }
  uint32_t u24(uint64_t at) const { return unsigned_at(at, 3); }
  uint32_t u32(uint64_t at) const { return unsigned_at(at, 4); }
  std::string_view text(uint64_t at, size_t length) const {
    require(at + length);
    return bytes_.substr(at, length);
  }

 private:
  uint32_t unsigned_at(uint64_t at, int count) const {
    require(at + count);
    uint32_t value = 0;
    for (int i = 0; i < count; ++i) {
      const int shift = 8 * (big_endian_ ? count - 1 - i : i);
      value |= uint32_t{static_cast<unsigned char>(bytes_[at + i])} << shift;
    }
    return value;
  }

  std::string_view bytes_;
  bool big_endian_;
};

PictureHeader read_png(std::string_view bytes) {
  const Reader in(bytes, true);
  bool ended = false;
  for (uint64_t at = 8; !ended;) {
    ended = in.text(at + 4, 4) == "IEND";
    at += 12 + uint64_t{in.u32(at)};
    in.require(at);
  }
  if (in.text(12, 4) != "IHDR") throw Invalid{"its first chunk is not IHDR"};
  return {"PNG", in.u32(16), in.u32(20)};
}

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

PictureHeader read_jpeg(std::string_view bytes) {
  const Reader in(bytes, true);
  PictureHeader header{"JPEG"};
  constexpr int kMostScans = 100;  // each is decoded over the whole picture; encoders write about ten
  int scans = 0;
  for (uint64_t at = 2;;) {
    at = end_of_scan(bytes, at);  // also skips fill bytes and what strays between segments, as libjpeg does
    const uint32_t marker = in.u8(at + 1);
    if (marker == 0xd9) break;
    at += 2;
    if (marker == 0x01 || marker == 0xd8) continue;  // no length
    if (marker == 0xda && ++scans > kMostScans)
      throw Invalid{"it has more than 100 scans, which would take too long to decode"};
    const uint64_t next = at + std::max<uint32_t>(in.u16(at), 2);
    const bool is_frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (is_frame && header.height == 0) {  // the first counts, as for the decoder
      header.height = in.u16(at + 3);
      header.width = in.u16(at + 5);
    }
    at = next;
  }
  return header;
}

PictureHeader read_webp(std::string_view bytes) {
  const Reader in(bytes, false);
  in.require(8 + uint64_t{in.u32(4)});
  const std::string_view chunk = in.text(12, 4);
  if (chunk == "VP8 ") return {"WebP", in.u16(26) & 0x3fff, in.u16(28) & 0x3fff};
  if (chunk == "VP8L") {
    const uint32_t packed = in.u32(21);
    return {"WebP", (packed & 0x3fff) + 1, (packed >> 14 & 0x3fff) + 1};
  }
  if (chunk != "VP8X") throw Invalid{"its first chunk is not a picture"};
  if (in.u8(20) & 2) throw Invalid{"it is an animation; give one of its frames as a PNG or JPEG file"};
  return {"WebP", in.u24(24) + 1, in.u24(27) + 1};
}

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
  return {"BMP", width, height};
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
      if (at - start == 9) throw Invalid{"a number of its header has more than nine digits"};
      value = value * 10 + (bytes[at] - '0');
    }
    // The decoder skips this byte whatever it is, and would miss a comment that begins with it.
    if (at < bytes.size() && std::string_view(" \t\r\n\v\f").find(bytes[at]) == std::string_view::npos)
      throw Invalid{"a number of its header is not followed by white space"};
    return value;
  };
  const char kind = bytes[1];
  PictureHeader header{"PNM"};
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

PictureHeader read_tiff(std::string_view bytes) {
  static constexpr uint32_t kBytesOfType[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
  const Reader in(bytes, bytes[0] == 'M');
  PictureHeader header{"TIFF"};
  const uint64_t directory = in.u32(4);
  struct Array {
    uint32_t count = 0;
    uint64_t at = 0;
    bool is_short = false;
  } offsets, lengths;
  const uint32_t entries = in.u16(directory);
  in.require(directory + 2 + 12 * uint64_t{entries} + 4);
  for (uint32_t i = 0; i < entries; ++i) {
    const uint64_t entry = directory + 2 + 12 * uint64_t{i};
    const uint32_t tag = in.u16(entry), count = in.u32(entry + 4);
    const uint32_t type = in.u16(entry + 2);
    const uint64_t length = uint64_t{count} * (type < std::size(kBytesOfType) ? kBytesOfType[type] : 0);
    if (length > 4) in.require(in.u32(entry + 8) + length);
    const bool is_short = type == 3;
    if (tag == 256 || tag == 257) {
      int64_t& size = tag == 256 ? header.width : header.height;
      if (size != 0) throw Invalid{"it gives its size twice"};  // the decoder may take the other one
      if ((type != 3 && type != 4) || count != 1) throw Invalid{"its size is of an unknown type"};
      size = is_short ? in.u16(entry + 8) : in.u32(entry + 8);
    }
    const Array array{count, length > 4 ? in.u32(entry + 8) : entry + 8, is_short};
    if (tag == 273 || tag == 324) offsets = array;  // strips, tiles
    if (tag == 279 || tag == 325) lengths = array;
  }
  const auto element = [&](const Array& a, uint32_t i) {
    return uint64_t{a.is_short ? in.u16(a.at + 2 * uint64_t{i}) : in.u32(a.at + 4 * uint64_t{i})};
  };
  for (uint32_t i = 0; i < std::min(offsets.count, lengths.count); ++i) {
    in.require(element(offsets, i) + element(lengths, i));
  }
  return header;
}

PictureHeader read_gif(std::string_view bytes) {
  const Reader in(bytes, false);
  return {"GIF", in.u16(6), in.u16(8)};
}

struct Format {
  const char* name;
  bool (*matches)(std::string_view bytes);
  PictureHeader (*read)(std::string_view bytes);
};

const Format kFormats[] = {
    {"PNG", [](std::string_view b) { return b.starts_with("\x89PNG\r\n\x1a\n"); }, read_png},
    {"JPEG", [](std::string_view b) { return b.starts_with("\xff\xd8\xff"); }, read_jpeg},
    {"WebP",
     [](std::string_view b) { return b.size() > 12 && b.starts_with("RIFF") && b.substr(8, 4) == "WEBP"; },
     read_webp},
    {"BMP", [](std::string_view b) { return b.starts_with("BM"); }, read_bmp},
    {"PNM",
     [](std::string_view b) {
       return b.size() > 2 && b[0] == 'P' && b[1] >= '1' && b[1] <= '6' &&
              std::string_view(" \t\r\n#").find(b[2]) != b.npos;
     },
     read_pnm},
    {"TIFF",
     [](std::string_view b) {
       return b.starts_with(std::string_view("II*\0", 4)) || b.starts_with(std::string_view("MM\0*", 4));
     },
     read_tiff},
    {"GIF", [](std::string_view b) { return b.starts_with("GIF87a") || b.starts_with("GIF89a"); }, read_gif},
};

}  // namespace

PictureHeader read_picture_header(std::string_view bytes, const std::string& name) {
  for (const Format& format : kFormats) {
    if (!format.matches(bytes)) continue;
    PictureHeader header;
    try {
      header = format.read(bytes);
    } catch (const CutOff&) {
      throw Error(cat("picture ", quoted(name), " is cut off: its ", bytes.size(), " bytes end before the ",
                      format.name, " file does"));
    } catch (const Invalid& invalid) {
      throw Error(cat("picture ", quoted(name), " can't be read as ", format.name, ": ", invalid.what));
    }
    if (header.width < 1 || header.height < 1) {
      throw Error(cat("picture ", quoted(name), " is broken: its ", format.name, " header says ",
                      header.width, " x ", header.height, " pixels"));
    }
    return header;
  }
  throw Error(cat(quoted(name), " is not a picture: its ", bytes.size(),
                  " bytes don't begin as PNG, JPEG, WebP, BMP, PNM, TIFF or GIF do"));
}

}  // namespace flam
