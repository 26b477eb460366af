#include "framework/component/unfinished.h"

#include <algorithm>

namespace flam {

size_t unfinished_word(std::string_view text, const std::vector<std::string>& words) {
  size_t longest = 0;
  for (const std::string_view word : words) {
    for (size_t count = std::min(text.size() + 1, word.size()); --count > longest;) {
      if (text.ends_with(word.substr(0, count))) longest = count;
    }
  }
  return longest;
}

size_t unfinished_character(std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  const size_t size = text.size();
  while (text.ends_with(kReplacement)) text.remove_suffix(kReplacement.size());
  // Up to three bytes of a sequence whose first byte announces more.
  for (size_t count = 1; count <= std::min<size_t>(3, text.size()); ++count) {
    const auto byte = static_cast<unsigned char>(text[text.size() - count]);
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;  // not the first byte
    const size_t announced = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (count < announced) text.remove_suffix(count);
    break;
  }
  return size - text.size();
}

}  // namespace flam
