// Reads the directories of a TIFF file: size, position of the pixels, transparency, orientation and pages.
#include <algorithm>
#include <iterator>

#include "framework/media/exif.h"
#include "framework/media/header_reader.h"

namespace flam::picture_headers {
namespace {

struct Entry {
  uint32_t tag = 0, type = 0, count = 0;
  uint64_t at = 0;  // offset of its values
};

/// One directory. Throws CutOff if a value lies outside the file.
class Directory {
 public:
  Directory(const Reader& in, uint64_t at) : in_(in), at_(at), size_(in.u16(at)) {
    in.require(at + 2 + 12 * uint64_t{size_} + 4);
  }

  uint32_t size() const { return size_; }
  /// Offset of the next directory, or 0 if there is none.
  uint32_t next() const { return in_.u32(at_ + 2 + 12 * uint64_t{size_}); }

  Entry operator[](uint32_t i) const {
    static constexpr uint32_t kBytesOfType[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};
    const uint64_t at = at_ + 2 + 12 * uint64_t{i};
    Entry entry{in_.u16(at), in_.u16(at + 2), in_.u32(at + 4), at + 8};
    const uint64_t length =
        uint64_t{entry.count} * (entry.type < std::size(kBytesOfType) ? kBytesOfType[entry.type] : 0);
    if (length > 4) {
      entry.at = in_.u32(at + 8);
      in_.require(entry.at + length);
    }
    return entry;
  }

  /// A value of an entry of short or long integers.
  uint32_t value(const Entry& entry, uint32_t i = 0) const {
    return entry.type == 3 ? in_.u16(entry.at + 2 * uint64_t{i}) : in_.u32(entry.at + 4 * uint64_t{i});
  }

 private:
  const Reader& in_;
  uint64_t at_;
  uint32_t size_;
};

/// Whether another page follows. A reduced copy of a page or a mask does not count as a page.
bool has_another_page(const Reader& in, uint32_t next) {
  constexpr int kMostDirectories = 64;
  for (int i = 0; next != 0; ++i) {
    if (i == kMostDirectories) throw Invalid{"it has more than 64 directories"};
    const Directory directory(in, next);
    uint32_t kind = 0;
    for (uint32_t e = 0; e < directory.size(); ++e)
      if (const Entry entry = directory[e]; entry.tag == 254 && entry.count == 1)
        kind = directory.value(entry);
    constexpr uint32_t kSmallerCopy = 1, kMask = 4;
    if ((kind & (kSmallerCopy | kMask)) == 0) return true;
    next = directory.next();
  }
  return false;
}

}  // namespace

PictureHeader read_tiff(std::string_view bytes) {
  const Reader in(bytes, bytes[0] == 'M');
  const Directory directory(in, in.u32(4));
  PictureHeader header;
  Entry offsets, lengths;
  uint32_t colours = 0, values_per_pixel = 1, extra = 0;
  bool extra_named = false;
  for (uint32_t i = 0; i < directory.size(); ++i) {
    const Entry entry = directory[i];
    if (entry.tag == 256 || entry.tag == 257) {
      int64_t& size = entry.tag == 256 ? header.width : header.height;
      if (size != 0) throw Invalid{"it gives its size twice"};  // the decoder may take the other one
      if ((entry.type != 3 && entry.type != 4) || entry.count != 1)
        throw Invalid{"its size is of an unknown type"};
      size = directory.value(entry);
    }
    if (entry.tag == 273 || entry.tag == 324) offsets = entry;  // strips, tiles
    if (entry.tag == 279 || entry.tag == 325) lengths = entry;
    if (entry.count == 0 || entry.type != 3) continue;
    if (entry.tag == 258) header.bits_per_value = static_cast<int>(directory.value(entry));
    if (entry.tag == 262) colours = directory.value(entry);
    if (entry.tag == 277) values_per_pixel = directory.value(entry);
    if (entry.tag == 338) extra = directory.value(entry), extra_named = true;
  }
  for (uint32_t i = 0; i < std::min(offsets.count, lengths.count); ++i) {
    in.require(uint64_t{directory.value(offsets, i)} + directory.value(lengths, i));
  }
  if (has_another_page(in, directory.next()))
    throw Invalid{"it has several pages; give one of them as a PNG or JPEG file"};
  // libtiff treats a fourth value of unknown meaning as alpha, and multiplies 8-bit colours by alpha.
  const bool fourth = colours == 2 && values_per_pixel == 4 && (!extra_named || extra == 0);
  if (fourth || extra == 1 || extra == 2)
    header.alpha = extra == 2 && header.bits_per_value > 8 ? Alpha::straight : Alpha::premultiplied;
  header.orientation = std::max(exif_orientation(bytes), 1);
  return header;
}

}  // namespace flam::picture_headers
