#pragma once
// A caption as the rules of the PTB tokenizer read it: code points, and what they are.
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace flam::ptb {

inline bool is_ascii_letter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline bool is_ascii_digit(char32_t c) {
  return c >= '0' && c <= '9';
}
inline bool is_ascii_alnum(char32_t c) {
  return is_ascii_letter(c) || is_ascii_digit(c);
}
inline bool is_upper(char32_t c) {
  return c >= 'A' && c <= 'Z';
}
inline bool is_blank(char32_t c) {
  return c == ' ' || c == '\t' || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x3000;
}
inline bool is_newline(char32_t c) {
  return (c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029;
}
inline bool is_space(char32_t c) {
  return is_blank(c) || is_newline(c);
}
inline bool is_one_of(char32_t c, std::u32string_view set) {
  return set.find(c) != set.npos;
}
template <char32_t... C>
bool is(char32_t c) {
  return ((c == C) || ...);
}
inline char32_t to_ascii_lower(char32_t c) {
  return is_upper(c) ? c - 'A' + 'a' : c;
}

bool is_letter(char32_t c);
bool is_digit(char32_t c);
inline bool is_alnum(char32_t c) {
  return is_letter(c) || is_digit(c);
}
/// A symbol that is a token of its own, such as + % & ~ © ° → ★.
bool is_symbol(char32_t c);

/// The code points of UTF-8 text and a line break behind them. Bytes that are not UTF-8 become U+FFFD.
std::u32string decode(std::string_view utf8);
/// The reverse, in lower case.
std::string encode_lower(std::u32string_view text);

/// Functions that say how far something reaches from a place: all return a number of code points, 0 if it is
/// not there.
class Text {
 public:
  explicit Text(std::u32string_view text) : text_(text) {}

  size_t size() const { return text_.size(); }
  /// The code point at a place; 0 behind the end.
  char32_t operator[](size_t at) const { return at < text_.size() ? text_[at] : 0; }
  std::u32string_view part(size_t at, size_t length) const { return text_.substr(at, length); }

  /// The word in either case; it must be ASCII and in lower case.
  size_t word(size_t at, std::string_view word) const {
    for (size_t i = 0; i < word.size(); ++i)
      if (to_ascii_lower((*this)[at + i]) != static_cast<unsigned char>(word[i])) return 0;
    return word.size();
  }
  /// The first of the words that is there.
  size_t any_word(size_t at, std::initializer_list<std::string_view> words) const {
    for (const auto& one : words)
      if (const size_t length = word(at, one)) return length;
    return 0;
  }
  /// How many code points from `at` on fulfil the condition, at most `limit`.
  template <class Condition>
  size_t run(size_t at, const Condition& condition, size_t limit = std::u32string_view::npos) const {
    size_t length = 0;
    while (length < limit && at + length < text_.size() && condition(text_[at + length])) ++length;
    return length;
  }

  /// ' ’ or &apos;
  size_t apostrophe(size_t at) const;
  /// An apostrophe, or a character that is often written for one: ` ‘ ‛
  size_t loose_apostrophe(size_t at) const;
  /// A letter, a mark that belongs to letters, a soft hyphen, or an entity such as &eacute;
  size_t word_letter(size_t at) const;

 private:
  std::u32string_view text_;
};

}  // namespace flam::ptb
