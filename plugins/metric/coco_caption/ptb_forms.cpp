#include "ptb_forms.h"

#include <array>
#include <utility>

namespace flam::ptb {

namespace {

void replace_all(std::u32string& text, std::u32string_view from, std::u32string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

void replace_any(std::u32string& text, std::u32string_view from, std::u32string_view to) {
  for (const char32_t c : from) replace_all(text, {&c, 1}, to);
}

}  // namespace

std::u32string formed(std::u32string_view found, Form form) {
  std::u32string out(found);
  if (form == Form::text) {
    std::erase(out, 0xAD);
  } else if (form == Form::entities) {
    for (size_t at = 0; at < out.size(); ++at) {  // in either case
      if (out[at] != '&') continue;
      const Text rest(out);
      if (const size_t length = rest.word(at, "&amp;"))
        out.erase(at + 1, length - 1);
      else if (const size_t less = rest.any_word(at, {"&lt;", "&gt;"}))
        out.replace(at, less, 1, to_ascii_lower(out[at + 1]) == 'l' ? U'<' : U'>');
    }
  } else if (form == Form::apostrophes) {
    replace_all(out, U"&apos;", U"'");
    replace_any(out, U"\u0092\u2019\u203A", U"'");
    replace_any(out, U"\u0091\u2018\u201B\u2039", U"`");
    replace_any(out, U"\u0093\u201C\u00AB", U"``");
    replace_any(out, U"\u0094\u201D\u00BB", U"''");
  } else if (form == Form::joined || form == Form::parentheses) {
    replace_all(out, U" ", U"\u00A0");
    if (form == Form::parentheses) {
      replace_all(out, U"(", U"-lrb-");
      replace_all(out, U")", U"-rrb-");
    }
  } else if (form == Form::bracket) {
    constexpr std::u32string_view kOpen = U"([{", kClose = U")]}";
    const bool open = is_one_of(found.front(), kOpen);
    out = {U'-', open ? U'l' : U'r', U"rsc"[(open ? kOpen : kClose).find(found.front())], U'b', U'-'};
  } else if (form == Form::currency) {
    replace_all(out, U"\u00A2", U"cents");
    replace_all(out, U"\u00A3", U"#");
    replace_any(out, U"\u0080\u00A4\u20A0\u20AC", U"$");
  } else if (form == Form::fraction) {
    constexpr std::array<std::pair<char32_t, std::u32string_view>, 5> kFractions = {
        {{0xBC, U"1/4"}, {0xBD, U"1/2"}, {0xBE, U"3/4"}, {0x2153, U"1/3"}, {0x2154, U"2/3"}}};
    for (const auto& [character, text] : kFractions)
      if (found.front() == character) out = text;
  }
  return out;
}

}  // namespace flam::ptb
