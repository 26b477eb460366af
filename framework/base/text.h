#pragma once
// Small helpers for messages.

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// Concatenates anything that can be streamed: cat("found ", n, " images").
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

FLAM_API std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// A number with the name of what is counted, which gets an s unless there is one: "1 tensor", "2 tensors".
FLAM_API std::string counted(int64_t number, std::string_view what);

/// The character at the front of `text`: its code point and length in bytes; length 0 when `text` is empty or
/// does not begin with well-formed UTF-8.
struct Utf8Char {
  char32_t code = 0;
  size_t length = 0;
};
FLAM_API Utf8Char utf8_front(std::string_view text);

/// The text without control characters (each becomes \xNN, like bytes that are not UTF-8) and cut at `limit`
/// bytes: names and values from foreign files pass through here before they reach a terminal.
FLAM_API std::string printable(std::string_view text, size_t limit = 200);

/// printable() text in single quotes.
FLAM_API std::string quoted(std::string_view text);
// Without these, argument-dependent lookup prefers std::quoted wherever <iomanip> is included.
inline std::string quoted(const char* text) {
  return quoted(std::string_view(text));
}
inline std::string quoted(const std::string& text) {
  return quoted(std::string_view(text));
}
inline std::string quoted(std::string& text) {
  return quoted(std::string_view(text));
}

/// The text with & < > " ' escaped for HTML.
FLAM_API std::string escape_html(std::string_view text);

/// The candidate nearest to `word` by edit distance, or "" if none is near enough.
FLAM_API std::string closest(std::string_view word, const std::vector<std::string>& candidates);

/// "; did you mean 'x'?" or "".
FLAM_API std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace flam
