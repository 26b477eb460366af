// Reads the chunks of a PNG file: size, transparency, and the orientation from an eXIf chunk or from the text
// chunk that ImageMagick writes instead.
#include <zlib.h>

#include <algorithm>
#include <cctype>

#include "framework/media/exif.h"
#include "framework/media/header_reader.h"

namespace flam::picture_headers {
namespace {

using std::string_view;
using namespace std::string_view_literals;

/// Decompresses at most the first megabyte of a zlib stream. This is enough, because the orientation is at
/// the front of an EXIF block. Without a limit, a small file could expand to gigabytes.
std::string inflated_front(string_view compressed) {
  std::string out(1 << 20, '\0');
  uLongf length = out.size();
  // An error is ignored, because the output produced before it is usable.
  uncompress(reinterpret_cast<Bytef*>(out.data()), &length, reinterpret_cast<const Bytef*>(compressed.data()),
             compressed.size());
  out.resize(length);
  return out;
}

/// Returns the text before the first NUL of `rest`, and removes it and the NUL from `rest`.
string_view take_until_nul(string_view& rest) {
  const string_view front = rest.substr(0, rest.find('\0'));
  rest.remove_prefix(std::min(front.size() + 1, rest.size()));
  return front;
}

/// Whether a text chunk holds EXIF as ImageMagick writes it.
bool is_exif_text(string_view type, string_view chunk) {
  if (type != "tEXt" && type != "zTXt" && type != "iTXt") return false;
  const string_view keyword = take_until_nul(chunk);
  return keyword == "Raw profile type exif" || keyword == "Raw profile type APP1";
}

std::string text_of(string_view type, string_view chunk) {
  take_until_nul(chunk);  // keyword
  if (type == "tEXt") return std::string(chunk);
  if (type == "zTXt")
    return inflated_front(chunk.substr(std::min<size_t>(1, chunk.size())));  // after the method
  const bool compressed = !chunk.starts_with('\0');
  chunk.remove_prefix(std::min<size_t>(2, chunk.size()));  // flag, method
  take_until_nul(chunk);                                   // language
  take_until_nul(chunk);                                   // translated keyword
  return compressed ? inflated_front(chunk) : std::string(chunk);
}

/// Decodes such a text, which is "\nexif\n LENGTH\n" and then lines of hexadecimal digits.
std::string bytes_of_profile(string_view text) {
  std::string out;
  size_t at = 0;
  for (int line = 0; line < 3 && at < text.size(); ++line)
    at = std::min(text.find('\n', at), text.size()) + 1;
  int high = -1;
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (std::isspace(c)) continue;
    if (!std::isxdigit(c)) break;
    const int digit = std::isdigit(c) ? c - '0' : std::tolower(c) - 'a' + 10;
    if (high >= 0) out.push_back(static_cast<char>(high * 16 + digit));
    high = high >= 0 ? -1 : digit;
  }
  return out;
}

}  // namespace

PictureHeader read_png(string_view bytes) {
  const Reader in(bytes, true);
  if (in.text(12, 4) != "IHDR") throw Invalid{"its first chunk is not IHDR"};
  PictureHeader header;
  header.width = in.u32(16);
  header.height = in.u32(20);
  header.bits_per_value = static_cast<int>(in.u8(24));
  const uint32_t colours = in.u8(25);
  if ((colours & 4) != 0) header.alpha = Alpha::straight;
  int of_chunk = 0, of_text = 0;
  int texts_left = 4;  // a limit, because each may need a megabyte
  bool ended = false;
  for (uint64_t at = 8; !ended;) {
    const uint64_t length = in.u32(at), body = at + 8;
    const string_view type = in.text(at + 4, 4);
    at = body + length + 4;
    in.require(at);
    const string_view chunk = bytes.substr(body, length);
    ended = type == "IEND";
    if (type == "acTL" && length >= 4 && in.u32(body) > 1) throw Invalid{kAnimation};
    if (type == "eXIf" && of_chunk == 0) of_chunk = exif_orientation(chunk);
    if (of_text == 0 && texts_left > 0 && is_exif_text(type, chunk)) {
      of_text = exif_orientation(bytes_of_profile(text_of(type, chunk)));
      --texts_left;
    }
    if (type == "tRNS" && colours == 0 && length == 2) header.transparent_grey = in.u16(body);
    if (type == "tRNS" && (colours == 2 || colours == 3)) header.alpha = Alpha::straight;
  }
  const int orientation = of_chunk != 0 ? of_chunk : of_text;
  header.orientation = std::max(orientation, 1);
  return header;
}

}  // namespace flam::picture_headers
