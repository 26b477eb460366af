#include "ptb_items.h"

namespace flam::ptb {

namespace {

/// At least `min` and at most `max` characters that fulfil a condition.
struct Piece {
  bool (*is)(char32_t);
  size_t min = 1, max = 1;
};

/// The longest text of the pieces from `first` on; npos if there is none.
size_t longest(const Text& text, size_t at, const Piece* first, const Piece* last) {
  constexpr size_t kNone = std::u32string_view::npos;
  if (first == last) return 0;
  size_t best = kNone;
  for (size_t length = text.run(at, first->is, first->max) + 1; length-- > first->min;) {
    const size_t rest = longest(text, at + length, first + 1, last);
    if (rest != kNone && (best == kNone || length + rest > best)) best = length + rest;
  }
  return best;
}

template <size_t N>
size_t longest(const Text& text, size_t at, const Piece (&pieces)[N]) {
  const size_t found = longest(text, at, pieces, pieces + N);
  return found == std::u32string_view::npos ? 0 : found;
}

constexpr auto is_gap = is<'-', ' ', 0xA0>;

}  // namespace

size_t date(const Text& text, size_t at) {
  constexpr Piece pieces[] = {
      {is_digit, 1, 2}, {is<'-', '/'>}, {is_digit, 1, 2}, {is<'-', '/'>}, {is_digit, 2, 4}};
  return longest(text, at, pieces);
}

size_t number(const Text& text, size_t at) {
  const size_t sign = is<'+', '-'>(text[at]) ? 1 : 0;
  size_t length = sign + text.run(at + sign, is_digit);
  while (is<'.', ':', ',', 0xAD, 0x66B, 0x66C>(text[at + length]) && is_digit(text[at + length + 1]))
    length += 1 + text.run(at + length + 1, is_digit);
  return length > sign ? length : 0;
}

size_t small_number(const Text& text, size_t at) {
  const size_t sign = is<0x207A, 0x207B, 0x208A, 0x208B>(text[at]) ? 1 : 0;
  const size_t raised = text.run(at + sign, [](char32_t c) {
    return c == 0x2070 || c == 0xB9 || c == 0xB2 || c == 0xB3 || (c >= 0x2074 && c <= 0x2079);
  });
  const size_t lowered = text.run(at + sign, [](char32_t c) { return c >= 0x2080 && c <= 0x2089; });
  return raised + lowered > 0 ? sign + raised + lowered : 0;
}

size_t fraction(const Text& text, size_t at) {
  constexpr Piece simple[] = {{is_digit, 1, 4}, {is<'\\'>, 0, 1}, {is<'/', 0x2044>}, {is_digit, 1, 4}};
  constexpr Piece mixed[] = {{is_digit, 1, 4}, {is_gap},          {is_digit, 1, 4},
                             {is<'\\'>, 0, 1}, {is<'/', 0x2044>}, {is_digit, 1, 4}};
  return std::max(longest(text, at, simple), longest(text, at, mixed));
}

size_t phone_number(const Text& text, size_t at) {
  constexpr auto digit = is_ascii_digit;
  constexpr Piece in_parentheses[] = {{is<'('>},     {digit, 2, 3},  {is<')'>},    {is<' ', 0xA0>, 0, 1},
                                      {digit, 3, 4}, {is_gap, 0, 1}, {digit, 3, 5}};
  constexpr Piece national[] = {{is<'+'>, 0, 2}, {digit, 2, 4},  {is_gap},
                                {digit, 3, 4},   {is_gap, 0, 1}, {digit, 3, 5}};
  constexpr Piece international[] = {{is<'+'>, 0, 2}, {digit, 2, 4}, {is_gap},       {digit, 2, 4},
                                     {is_gap},        {digit, 3, 4}, {is_gap, 0, 1}, {digit, 3, 5}};
  constexpr Piece dotted[] = {{digit, 2, 4}, {is<'.'>}, {digit, 3, 4}, {is<'.'>}, {digit, 3, 5}};
  constexpr Piece long_dotted[] = {{is<'+'>, 0, 2}, {digit, 2, 4}, {is<'.'>}, {digit, 2, 4},
                                   {is<'.'>},       {digit, 3, 4}, {is<'.'>}, {digit, 3, 5}};
  return std::max({longest(text, at, in_parentheses), longest(text, at, national),
                   longest(text, at, international), longest(text, at, dotted),
                   longest(text, at, long_dotted)});
}

size_t currency(const Text& text, size_t at) {
  if (text[at] == '#') return 1;
  const size_t letters = text.run(at, is_upper);
  return text[at + letters] == '$' ? letters + 1 : 0;
}

size_t entity(const Text& text, size_t at) {
  if (const size_t named =
          text.any_word(at, {"&ht;", "&tl;", "&ur;", "&lr;", "&qc;", "&ql;", "&qr;", "&odq;", "&cdq;"}))
    return named;
  const size_t digits = text.word(at, "&#") > 0 ? text.run(at + 2, is_ascii_digit) : 0;
  return digits > 0 && text[at + 2 + digits] == ';' ? 3 + digits : 0;
}

size_t smiley(const Text& text, size_t at) {
  constexpr Piece pieces[] = {{is<'<', '>'>, 0, 1},
                              {is<':', ';', '='>},
                              {is<'-', 'o', '*', '\''>, 0, 1},
                              {is<'(', ')', 'D', 'P', 'd', 'p', 'O', '\\', '{', '@', '|', '[', ']'>},
                              {[](char32_t c) { return !is_ascii_alnum(c); }}};
  const size_t length = longest(text, at, pieces);
  return length > 0 ? length - 1 : 0;
}

size_t asian_smiley(const Text& text, size_t at) {
  constexpr auto eye = is<'-', '^', 'x', '=', '~', '<', '>', '\''>;
  constexpr auto open_eye = is<'^', 'x', '=', '~', '<', '>', '\''>;
  constexpr auto other_eye = is<'^', 'x', '=', '~', '<', '>', '\'', '`'>;
  constexpr Piece bare[] = {{eye}, {is<'_'>}, {eye}};
  constexpr Piece face[] = {{is<'('>}, {eye}, {is<'_', '.'>, 0, 1}, {eye}, {is<')'>}};
  constexpr Piece flat_face[] = {{is<'('>}, {open_eye}, {is<'-'>}, {other_eye}, {is<')'>}};
  return std::max({longest(text, at, bare), longest(text, at, face), longest(text, at, flat_face)});
}

size_t ellipsis(const Text& text, size_t at) {
  if (is<0x85, 0x2026>(text[at])) return 1;
  const size_t periods = text.run(at, is<'.'>, 5);
  size_t spaced = 0;
  while (spaced < 4 && text[at + 2 * spaced] == '.' && is<' ', 0xA0>(text[at + 2 * spaced + 1])) ++spaced;
  if (spaced > 2 && text[at + 2 * spaced] != '.') --spaced;
  if (spaced >= 2 && text[at + 2 * spaced] == '.') return 2 * spaced + 1;
  return periods >= 3 ? periods : 0;
}

}  // namespace flam::ptb
