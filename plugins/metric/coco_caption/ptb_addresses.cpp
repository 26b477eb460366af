#include "ptb_items.h"

namespace flam::ptb {

namespace {

// Things are searched for this far only, so that the time for a text without spaces stays linear. Longer
// labels and domains do not exist (RFC 1035).
constexpr size_t kLongestLabel = 63, kLongestDomain = 253, kLongestEmail = 320, kLongestPath = 2000;

bool is_address_end(char32_t c) {
  return !is_one_of(c, U" \t\n\f\r\"<>|(){}.!?,-") && c != 0;
}

/// How much of the run of `in_path` ends in a character that may end an address.
template <class Condition>
size_t path(const Text& text, size_t at, const Condition& in_path) {
  size_t length = text.run(at, in_path, kLongestPath);
  while (length > 0 && !is_address_end(text[at + length - 1])) --length;
  return length >= 2 ? length : 0;
}

/// A slash and what follows it in an address.
size_t path_behind_slash(const Text& text, size_t at) {
  if (text[at] != '/') return 0;
  const size_t rest = path(text, at + 1, [](char32_t c) { return !is_one_of(c, U" \t\n\f\r\"<>|()"); });
  return rest > 0 ? 1 + rest : 0;
}

/// Labels with a period behind each, a top-level domain, and a path.
template <class InLabel, class TopLevel>
size_t domain(const Text& text, size_t at, const InLabel& in_label, const TopLevel& top_level) {
  size_t best = 0, length = 0;
  while (length < kLongestDomain) {
    const size_t label = text.run(at + length, in_label, kLongestLabel);
    if (label == 0 || text[at + length + label] != '.') break;
    length += label + 1;
    if (const size_t top = top_level(at + length))
      best = std::max(best, length + top + path_behind_slash(text, at + length + top));
  }
  return best;
}

bool in_name(char32_t c) {
  return is_ascii_alnum(c) || is_one_of(c, U"_:.-");
}

bool in_email(char32_t c) {
  return !is_one_of(c, U" \t\n\f\r\"<>|()\u00A0{}");
}

}  // namespace

size_t full_url(const Text& text, size_t at) {
  const size_t scheme = text.any_word(at, {"http://", "https://"});
  if (scheme == 0) return 0;
  const size_t rest =
      path(text, at + scheme, [](char32_t c) { return !is_one_of(c, U" \t\n\f\r\"<>|(){}"); });
  return rest > 0 ? scheme + rest : 0;
}

size_t likely_url(const Text& text, size_t at) {
  if (const size_t www = text.word(at, "www.")) {
    const size_t rest = domain(
        text, at + www, [](char32_t c) { return !is_one_of(c, U" \t\n\f\r\"<>|.!?(){},"); },
        [&](size_t end) {
          const size_t letters = text.run(end, is_ascii_letter, 4);
          return letters >= 2 ? letters : 0;
        });
    if (rest > 0) return www + rest;
  }
  return domain(
      text, at,
      [](char32_t c) { return !is_one_of(c, U" \t\n\f\r\"`'<>|!?(){}$") && !(c >= ',' && c <= '_'); },
      [&](size_t end) {
        return text.any_word(end, {"com", "net", "org", "edu"});
      });
}

size_t email(const Text& text, size_t at) {
  const size_t open = text[at] == '<' ? 1 : text.word(at, "&lt;");
  if (!is_ascii_alnum(text[at + open])) return 0;
  const size_t begin = at + open, all = text.run(begin, in_email, kLongestEmail);
  for (size_t sign = all; sign-- > 1;) {
    if (text[begin + sign] != '@' || sign + 1 == all || text[begin + sign + 1] == '.') continue;
    size_t end = sign + 1;  // behind the last label that is not empty
    while (end < all && !(text[begin + end] == '.' && (end + 1 == all || text[begin + end + 1] == '.')))
      ++end;
    return open + end + (text[begin + end] == '>' ? 1 : 0);
  }
  return 0;
}

size_t social_name(const Text& text, size_t at) {
  if (text[at] == '@' && (is_ascii_letter(text[at + 1]) || text[at + 1] == '_'))
    return 1 + text.run(at + 1, [](char32_t c) { return is_ascii_alnum(c) || c == '_'; });
  if (text[at] != '#') return 0;
  size_t length = 1;
  while (const size_t more = text.word_letter(at + length)) length += more;
  return length > 1 ? length : 0;
}

size_t tag(const Text& text, size_t at) {
  if (text[at] != '<') return 0;
  const auto spaces = [&](size_t from) { return text.run(from, is<' '>, kLongestPath); };
  const auto name = [&](size_t from) {
    return is_ascii_letter(text[from]) ? text.run(from, in_name, kLongestPath) : 0;
  };
  size_t end = at + 1;
  if (is<'!', '?'>(text[end])) {
    if (!is_ascii_letter(text[end + 1]) && text[end + 1] != '-') return 0;
    end += text.run(
        end, [](char32_t c) { return c != '>' && c != '\r' && c != '\n'; }, kLongestPath);
  } else if (text[end] == '/') {
    const size_t length = name(end + 1);
    if (length == 0) return 0;
    end += 1 + length;
  } else {
    size_t length = name(end);
    if (length == 0) return 0;
    for (end += length; spaces(end) > 0; end += length) {  // attributes
      const size_t begin = end + spaces(end);
      length = name(begin);
      if (length == 0) break;
      length += begin - end;
      size_t behind = end + length + spaces(end + length);
      if (text[behind] != '=') continue;
      behind += 1 + spaces(behind + 1);
      const char32_t quote = text[behind];
      if (!is<'\'', '"'>(quote)) return 0;
      behind += 1 + text.run(
                        behind + 1, [&](char32_t c) { return c != quote; }, kLongestPath);
      if (text[behind] != quote) return 0;
      length = behind + 1 - end;
    }
    end += spaces(end);
    if (text[end] == '/') ++end;
  }
  end += spaces(end);
  return text[end] == '>' ? end + 1 - at : 0;
}

}  // namespace flam::ptb
