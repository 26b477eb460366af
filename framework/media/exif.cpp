#include "framework/media/exif.h"

#include <algorithm>
#include <vector>

#include "framework/media/header_reader.h"

namespace flam {
namespace {

using picture_headers::CutOff;
using picture_headers::Reader;
using namespace std::string_view_literals;

bool is_big_endian(std::string_view tiff) {
  return tiff.starts_with('M');
}

/// Returns the offsets of all orientation entries in the first directory.
std::vector<uint64_t> orientation_entries(std::string_view tiff) {
  std::vector<uint64_t> found;
  if (!tiff.starts_with("II*\0"sv) && !tiff.starts_with("MM\0*"sv)) return found;
  const Reader in(tiff, is_big_endian(tiff));
  try {
    const uint64_t directory = in.u32(4);
    const uint32_t entries = in.u16(directory);
    for (uint32_t i = 0; i < entries; ++i) {
      const uint64_t entry = directory + 2 + 12 * uint64_t{i};
      in.require(entry + 12);
      if (in.u16(entry) == 274) found.push_back(entry);
    }
  } catch (const CutOff&) {  // entries found before the end are kept, as by other readers of EXIF
  }
  return found;
}

}  // namespace

int exif_orientation(std::string_view block) {
  if (block.starts_with("Exif\0"sv)) block.remove_prefix(std::min<size_t>(6, block.size()));
  const auto entries = orientation_entries(block);
  if (entries.empty()) return 0;
  const Reader in(block, is_big_endian(block));
  const uint64_t entry = entries.front();  // libtiff also takes the first of several
  const uint32_t type = in.u16(entry + 2);
  if (in.u32(entry + 4) != 1) return 0;
  const uint32_t value = type == 1   ? in.u8(entry + 8)
                         : type == 3 ? in.u16(entry + 8)
                         : type == 4 ? in.u32(entry + 8)
                                     : 0;
  return value <= 8 ? static_cast<int>(value) : 0;
}

std::string without_orientation(std::string_view tiff) {
  std::string out(tiff);
  const auto entry = is_big_endian(tiff)
                         ? "\x01\x12\0\x03\0\0\0\x01\0\x01\0\0"sv  // tag, type SHORT, count 1, value 1
                         : "\x12\x01\x03\0\x01\0\0\0\x01\0\0\0"sv;
  for (const uint64_t at : orientation_entries(tiff)) out.replace(at, entry.size(), entry);
  return out;
}

}  // namespace flam
