#include "ptb_words.h"

namespace flam::ptb {

namespace {

bool is_joint(char32_t c) {
  return c == '-' || c == '_' || c == 0x58A || c == 0x2010 || c == 0x2011;
}
bool is_vowel(char32_t c) {
  return is_one_of(c, U"aeiouAEIOU");
}

/// Letters and digits, perhaps behind d' l' or o'.
size_t joined_part(const Text& text, size_t at) {
  if (is_one_of(text[at], U"dDlLoO")) {
    if (const size_t mark = text.loose_apostrophe(at + 1)) {
      const size_t rest = text.run(at + 1 + mark, is_alnum);
      if (rest >= 2) return 1 + mark + rest;
    }
  }
  return text.run(at, is_alnum);
}

/// Letters and digits of ASCII, and up to two words joined to them by hyphens.
size_t slashed_part(const Text& text, size_t at) {
  size_t length = text.run(at, is_ascii_alnum);
  for (int i = 0; i < 2 && length > 0 && text[at + length] == '-'; ++i) {
    const size_t more = text.run(at + length + 1, is_ascii_letter);
    if (more == 0) break;
    length += 1 + more;
  }
  return length;
}

}  // namespace

size_t word(const Text& text, size_t at) {
  size_t length = text.word_letter(at);
  while (length > 0) {
    const char32_t c = text[at + length];
    size_t more = is_digit(c) ? 1 : text.word_letter(at + length);
    if (more == 0 && is_one_of(c, U".!?")) {
      more = text.word_letter(at + length + 1);
      more += more > 0;
    }
    if (more == 0) break;
    length += more;
  }
  return length;
}

size_t auxiliary(const Text& text, size_t at) {
  const size_t mark = text.apostrophe(at);
  if (mark == 0) return 0;
  const size_t rest = text.any_word(at + mark, {"re", "ve", "ll", "m", "s", "d"});
  return rest > 0 ? mark + rest : 0;
}

size_t negation(const Text& text, size_t at) {
  if (text.word(at, "n") == 0) return 0;
  const size_t mark = text.loose_apostrophe(at + 1);
  return mark > 0 && text.word(at + 1 + mark, "t") > 0 ? mark + 2 : 0;
}

size_t negated(const Text& text, size_t at) {
  const size_t letters = text.run(at, [](char32_t c) { return is_ascii_letter(c) || c == 0xAD; });
  if (letters < 2 || negation(text, at + letters - 1) == 0) return 0;
  size_t last = letters - 2;
  while (last > 0 && text[at + last] == 0xAD) --last;
  return text[at + last] == 0xAD || text.word(at + last, "n") > 0 ? 0 : letters - 1;
}

size_t word_with_apostrophe(const Text& text, size_t at) {
  size_t longest = 0;
  const auto offer = [&](size_t length) { longest = std::max(longest, length); };
  if (const size_t mark = text.apostrophe(at)) {  // 'n' 'em 'til 'cause '90s
    const size_t behind = at + mark;
    if (text.word(behind, "n") > 0) offer(mark + 1 + text.apostrophe(behind + 1));
    if (const size_t rest = text.any_word(behind, {"em", "till", "til", "cause"})) offer(mark + rest);
    if (text[behind] >= '2' && text[behind] <= '9' && text.word(behind + 1, "0s") > 0) offer(mark + 3);
  }
  const auto with_mark = [&](size_t letters) {  // letters and the apostrophe behind them
    const size_t mark = letters > 0 ? text.apostrophe(at + letters) : 0;
    if (mark > 0) offer(letters + mark);
  };
  with_mark(is_one_of(text[at], U"lLdDjJ") ? 1 : 0);
  with_mark(text.any_word(at, {"dunkin", "somethin", "ol"}));
  offer(text.any_word(at, {"cont'd.", "cont'd", "'twas", "nor'easter", "c'mon", "e'er", "s'mores", "ev'ry",
                           "li'l", "nat'l"}));
  if (is_upper(text[at]) || text[at] == 'n') {  // O'Brien, n'ts; but not I'
    const size_t mark = text[at] == 'I' || text[at] == 'Y' ? 0 : text.loose_apostrophe(at + 1);
    const size_t rest = text.run(at + 1 + mark, is_letter);
    if (mark > 0 && rest >= 2) offer(1 + mark + rest);
  }
  if (const size_t mark = text.word(at, "o") > 0 ? text.loose_apostrophe(at + 1) : 0) {
    if (text.word(at + 1 + mark, "o") > 0) offer(mark + 2);
  }
  const size_t letters = text.run(at, is_letter);
  if (letters >= 2 && (is_vowel(text[at + letters - 1]) || text.word(at + letters - 1, "y") > 0)) {  // ma'am
    const size_t mark = text.loose_apostrophe(at + letters), behind = at + letters + mark;
    if (mark > 0 && (is_one_of(text[behind], U"aeiou") || is_upper(text[behind])))
      offer(letters + mark + text.run(behind, is_letter));
  }
  return longest;
}

size_t joined_words(const Text& text, size_t at) {
  size_t length = joined_part(text, at);
  while (length > 0 && is_joint(text[at + length])) {
    const size_t more = joined_part(text, at + length + 1);
    if (more == 0) break;
    length += 1 + more;
  }
  return length;
}

size_t joined_pieces(const Text& text, size_t at) {
  if (!is_ascii_alnum(text[at])) return 0;
  const auto in_piece = [](char32_t c) { return is_ascii_alnum(c) || c == 0xAD; };
  size_t length = text.run(at, [&](char32_t c) { return in_piece(c) || c == '.' || c == ','; });
  size_t pieces = 0;
  for (; text[at + length] == '-'; ++pieces) {
    const size_t more = std::max(text.run(at + length + 1, in_piece), acronym(text, at + length + 1, 2));
    if (more == 0) break;
    length += 1 + more;
  }
  return pieces > 0 ? length : 0;
}

size_t joined_capitals(const Text& text, size_t at) {
  size_t length = text.run(at, is_upper), parts = 0;
  for (; length > 0; ++parts) {
    const size_t joint = text.word(at + length, "&amp;") > 0   ? 5
                         : is_one_of(text[at + length], U"+&") ? 1
                                                               : 0;
    const size_t more = joint > 0 ? text.run(at + length + joint, is_upper) : 0;
    if (more == 0) break;
    length += joint + more;
  }
  return parts > 0 ? length : 0;
}

size_t slashed_words(const Text& text, size_t at) {
  size_t length = slashed_part(text, at), slashes = 0;
  for (; length > 0 && slashes < 2; ++slashes) {
    const size_t slash = text[at + length] == '/' ? 1 : text.word(at + length, "\\/");
    const size_t more = slash > 0 ? slashed_part(text, at + length + slash) : 0;
    if (more == 0) break;
    length += slash + more;
  }
  return slashes > 0 ? length : 0;
}

size_t acronym(const Text& text, size_t at, size_t least) {
  size_t letters = 0;
  while (is_ascii_letter(text[at + 2 * letters]) && text[at + 2 * letters + 1] == '.') ++letters;
  return letters >= least ? 2 * letters : 0;
}

}  // namespace flam::ptb
