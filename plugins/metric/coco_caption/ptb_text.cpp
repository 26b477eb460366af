#include "ptb_text.h"

#include <utf8proc.h>

namespace flam::ptb {

namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

bool is_letter_category(utf8proc_category_t category) {
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

/// Marks of the alphabets from Greek to Tibetan. Elsewhere, marks such as the variation selectors of emoji
/// are no part of a word.
bool is_word_mark(char32_t c) {
  if (c < 0x2C2 || c >= 0xF00) return c == 0xAD;
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_MC ||
         (kind == UTF8PROC_CATEGORY_SK && c < 0x386);
}

struct Range {
  char32_t first, last;
};
constexpr Range kSymbols[] = {
    {0xA6, 0xA9},     {0xAC, 0xAC},     {0xAE, 0xBA},     {0xD7, 0xD7},     {0xF7, 0xF7},
    {0x387, 0x387},   {0x5BE, 0x5BE},   {0x60C, 0x60C},   {0x61B, 0x61B},   {0x61E, 0x61E},
    {0x66A, 0x66A},   {0x66D, 0x66D},   {0x964, 0x965},   {0x2016, 0x2017}, {0x2020, 0x2023},
    {0x2030, 0x2038}, {0x203B, 0x203B}, {0x203E, 0x2042}, {0x2044, 0x2044}, {0x207A, 0x207F},
    {0x208A, 0x208E}, {0x2100, 0x214F}, {0x2190, 0x2BFF}, {0x3012, 0x3012}, {0x30FB, 0x30FB},
    {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}};

}  // namespace

bool is_letter(char32_t c) {
  return c < 0x80 ? is_ascii_letter(c) : is_letter_category(category(c)) && c < 0x10000;
}

bool is_digit(char32_t c) {
  return c < 0x80 ? is_ascii_digit(c) : category(c) == UTF8PROC_CATEGORY_ND && c < 0x10000;
}

bool is_symbol(char32_t c) {
  if (c < 0x80) return is_one_of(c, U"+%&~^|\\");
  return std::ranges::any_of(kSymbols, [&](const Range& r) { return c >= r.first && c <= r.last; });
}

std::u32string decode(std::string_view utf8) {
  std::u32string out;
  out.reserve(utf8.size() + 1);
  for (size_t at = 0; at < utf8.size();) {
    utf8proc_int32_t code = -1;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()) + at,
                                         static_cast<utf8proc_ssize_t>(utf8.size() - at), &code);
    out += length > 0 ? static_cast<char32_t>(code) : 0xFFFD;
    at += length > 0 ? static_cast<size_t>(length) : 1;
  }
  out += '\n';
  return out;
}

std::string encode_lower(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c < 0x80) {
      out += static_cast<char>(to_ascii_lower(c));
      continue;
    }
    const bool last = i > 0 && is_letter(text[i - 1]) && (i + 1 == text.size() || !is_letter(text[i + 1]));
    const bool last_sigma = c == 0x3A3 && last;
    utf8proc_uint8_t bytes[4];
    const auto lower = last_sigma ? 0x3C2 : utf8proc_tolower(static_cast<utf8proc_int32_t>(c));
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(utf8proc_encode_char(lower, bytes)));
    if (c == 0x130) out += "\xCC\x87";  // İ becomes i with a dot above
  }
  return out;
}

size_t Text::apostrophe(size_t at) const {
  const char32_t c = (*this)[at];
  return c == '\'' || c == 0x92 || c == 0x2019 ? 1 : c == '&' ? word(at, "&apos;") : 0;
}

size_t Text::loose_apostrophe(size_t at) const {
  return is_one_of((*this)[at], U"`\u2018\u201B") || (*this)[at] == 0x91 ? 1 : apostrophe(at);
}

size_t Text::word_letter(size_t at) const {
  const char32_t c = (*this)[at];
  if (is_letter(c) || is_word_mark(c)) return 1;
  if (c != '&' || !is_one_of((*this)[at + 1], U"aeiouAEIOU")) return 0;
  const size_t accent = any_word(at + 2, {"acute;", "grave;", "uml;"});
  return accent > 0 ? 2 + accent : 0;
}

}  // namespace flam::ptb
