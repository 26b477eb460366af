#include "framework/media/video_format.h"

#include <algorithm>
#include <utility>

#include "framework/base/text.h"
#include "framework/media/picture_format.h"

namespace flam {

namespace {

using namespace std::string_view_literals;
using std::string_view;

using Reader = std::function<std::string(uint64_t at, size_t bytes)>;

constexpr int kMostBoxes = 100'000;
constexpr size_t kTsPacket = 188;

uint64_t big_endian(string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

uint64_t little_endian(string_view bytes) {
  return big_endian(std::string(bytes.rbegin(), bytes.rend()));
}

/// An ISO media file begins with the box `ftyp`; files of old QuickTime begin with another one.
bool is_mp4(string_view bytes) {
  if (bytes.size() < 12) return false;
  const string_view box = bytes.substr(4, 4);
  if (box != "ftyp") return box == "moov" || box == "mdat" || box == "wide" || box == "pnot";
  return sniff_picture(bytes) == PictureFormat::none;  // not HEIC or AVIF
}

/// MPEG-TS: the same byte at the beginning of each packet; on Blu-ray discs, after four bytes of time.
bool is_mpeg_ts(string_view bytes) {
  for (const size_t extra : {size_t{0}, size_t{4}}) {
    const size_t packet = kTsPacket + extra;
    if (bytes.size() > 2 * packet + extra && bytes[extra] == 'G' && bytes[packet + extra] == 'G' &&
        bytes[2 * packet + extra] == 'G')
      return true;
  }
  return false;
}

struct Format {
  VideoFormat format;
  const char* name;
  bool (*matches)(string_view bytes);
};

const Format kFormats[] = {
    {VideoFormat::mp4, "MP4", is_mp4},
    {VideoFormat::matroska, "Matroska", [](string_view b) { return b.starts_with("\x1a\x45\xdf\xa3"); }},
    {VideoFormat::avi, "AVI",
     [](string_view b) { return b.size() >= 12 && b.starts_with("RIFF") && b.substr(8, 4) == "AVI "; }},
    {VideoFormat::mpeg_ts, "MPEG-TS", is_mpeg_ts},
    {VideoFormat::mpeg_ps, "MPEG-PS", [](string_view b) { return b.starts_with("\0\0\1\xba"sv); }},
    {VideoFormat::ogg, "Ogg", [](string_view b) { return b.starts_with("OggS"); }},
    {VideoFormat::flv, "FLV", [](string_view b) { return b.starts_with("FLV\1"); }},
    {VideoFormat::gif, "GIF",
     [](string_view b) { return b.starts_with("GIF87a") || b.starts_with("GIF89a"); }},
};

/// The end of the last box that begins within the file.
uint64_t end_of_boxes(uint64_t size, const Reader& read) {
  uint64_t at = 0;
  for (int boxes = 0; at < size && boxes < kMostBoxes; ++boxes) {
    const std::string head = read(at, 16);
    if (head.size() < 8) return at + 8;
    uint64_t length = big_endian(string_view(head).substr(0, 4));
    if (length == 0) return size;  // up to the end of the file
    if (length == 1) length = head.size() < 16 ? 16 : big_endian(string_view(head).substr(8));
    if (length < 8) return at;  // broken; FFmpeg says how
    if (length > UINT64_MAX - at) return UINT64_MAX;
    at += length;
  }
  return at;
}

/// The number at the beginning of the text in EBML's form, and its length in bytes; length 0: there is none.
std::pair<uint64_t, size_t> ebml_number(string_view bytes) {
  if (bytes.empty()) return {0, 0};
  const auto first = static_cast<unsigned char>(bytes[0]);
  size_t length = 1;
  while (length <= 8 && !(first & (0x100U >> length))) ++length;
  if (length > 8 || bytes.size() < length) return {0, 0};
  const uint64_t number = big_endian(bytes.substr(0, length));
  return {number & ((uint64_t{1} << (7 * length)) - 1), length};
}

/// The end of the segment, which holds everything. nullopt: its length is not given, as in a live stream.
std::optional<uint64_t> end_of_segment(const Reader& read) {
  const std::string head = read(0, 4096);
  const auto [header, header_bytes] = ebml_number(string_view(head).substr(std::min<size_t>(4, head.size())));
  const uint64_t segment = 4 + header_bytes + header;
  if (header_bytes == 0 || segment + 12 > head.size() || head.compare(segment, 4, "\x18\x53\x80\x67") != 0)
    return std::nullopt;
  const auto [length, length_bytes] = ebml_number(string_view(head).substr(segment + 4));
  const bool unknown = length_bytes == 0 || length == (uint64_t{1} << (7 * length_bytes)) - 1;
  if (unknown) return std::nullopt;
  return segment + 4 + length_bytes + length;
}

}  // namespace

VideoFormat sniff_video(std::string_view first_bytes) {
  for (const Format& format : kFormats)
    if (format.matches(first_bytes)) return format.format;
  return VideoFormat::none;
}

const char* name_of(VideoFormat format) {
  const auto* found = std::ranges::find(kFormats, format, &Format::format);
  return found == std::end(kFormats) ? "unknown" : found->name;
}

std::string why_not_video(std::string_view first_bytes) {
  if (first_bytes.empty()) return "is empty, and no video";
  const PictureFormat picture = sniff_picture(first_bytes);
  if (is_decoded(picture)) return cat("is a ", name_of(picture), " picture, not a video; give it as `image`");
  if (first_bytes.starts_with("#EXTM3U") || first_bytes.starts_with("ffconcat"))
    return "is a playlist, which is not followed; name the video itself";
  if (picture == PictureFormat::html)
    return "is a web page (HTML), not a video; download the video itself instead of a page that shows it";
  if (picture == PictureFormat::git_lfs_pointer)
    return "is a Git LFS pointer, not the video itself; fetch the video itself with `git lfs pull`";
  std::vector<std::string> names;
  for (const Format& known : kFormats) names.emplace_back(known.name);
  return cat("is not a video: its first bytes match none of ", join(names, ", "));
}

std::optional<uint64_t> expected_length(VideoFormat format, uint64_t size, const Reader& read) {
  switch (format) {
    case VideoFormat::mp4:
      return end_of_boxes(size, read);
    case VideoFormat::matroska:
      return end_of_segment(read);
    case VideoFormat::avi: {
      const std::string head = read(0, 8);
      if (head.size() < 8) return 8;
      return 8 + little_endian(string_view(head).substr(4));
    }
    default:
      return std::nullopt;
  }
}

}  // namespace flam
