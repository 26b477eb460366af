#pragma once
// What the readers of picture headers share, and the reader of each format. Internal to this folder.

#include <cstdint>
#include <string_view>

#include "framework/media/picture_header.h"

namespace flam::picture_headers {

struct CutOff {};  // a reader went past the end of the file
struct Invalid {
  const char* what;
};

inline constexpr const char* kAnimation = "it is an animation; give one of its frames as a PNG or JPEG file";

/// Reads unsigned integers at byte offsets in either byte order. Throws CutOff if an integer ends after the
/// last byte.
class Reader {
 public:
  Reader(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  size_t size() const { return bytes_.size(); }
  void require(uint64_t end) const {
    if (end > bytes_.size()) throw CutOff{};
  }
  uint32_t u8(uint64_t at) const { return unsigned_at(at, 1); }
  uint32_t u16(uint64_t at) const { return unsigned_at(at, 2); }
  uint32_t u24(uint64_t at) const { return unsigned_at(at, 3); }
  uint32_t u32(uint64_t at) const { return unsigned_at(at, 4); }
  std::string_view text(uint64_t at, uint64_t length) const {
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

// Each reads the header of a whole file. They throw CutOff and Invalid.
PictureHeader read_png(std::string_view bytes);
PictureHeader read_jpeg(std::string_view bytes);
PictureHeader read_webp(std::string_view bytes);
PictureHeader read_bmp(std::string_view bytes);
PictureHeader read_pnm(std::string_view bytes);
PictureHeader read_tiff(std::string_view bytes);
PictureHeader read_gif(std::string_view bytes);

}  // namespace flam::picture_headers
