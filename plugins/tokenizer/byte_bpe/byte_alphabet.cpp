#include "byte_alphabet.h"

#include <array>

#include "framework/sdk.h"

namespace flam {
namespace {

constexpr char32_t kCharacters = 256 + 68;  // 188 bytes stand for themselves, 68 for U+0100 and up

std::array<int, kCharacters> make_alphabet() {
  std::array<int, kCharacters> bytes;
  bytes.fill(-1);
  char32_t next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool itself =
        (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    bytes[itself ? static_cast<char32_t>(byte) : next++] = byte;
  }
  return bytes;
}

/// The length of the part at the front that begins like a character but is none; at least 1.
size_t bad_part(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned first = at(0);
  const size_t length = first >= 0xf0 && first <= 0xf4   ? 4
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xc2 && first <= 0xdf ? 2
                                                         : 1;
  size_t good = 1;
  for (; good < length && good < bytes.size(); ++good) {
    unsigned low = 0x80, high = 0xbf;
    if (good == 1) {  // not overlong, not a surrogate, not above U+10FFFF
      if (first == 0xe0) low = 0xa0;
      if (first == 0xed) high = 0x9f;
      if (first == 0xf0) low = 0x90;
      if (first == 0xf4) high = 0x8f;
    }
    if (at(good) < low || at(good) > high) break;
  }
  return good;
}

}  // namespace

std::optional<std::string> bytes_of_piece(std::string_view piece) {
  static const auto kBytes = make_alphabet();
  std::string bytes;
  while (!piece.empty()) {
    const Utf8Char c = utf8_front(piece);
    if (c.length == 0 || c.code >= kCharacters || kBytes[c.code] < 0) return std::nullopt;
    bytes += static_cast<char>(kBytes[c.code]);
    piece.remove_prefix(c.length);
  }
  return bytes;
}

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t good = utf8_front(bytes).length;
    const size_t taken = good > 0 ? good : bad_part(bytes);
    text += good > 0 ? bytes.substr(0, taken) : std::string_view("\uFFFD");
    bytes.remove_prefix(taken);
  }
  return text;
}

}  // namespace flam
