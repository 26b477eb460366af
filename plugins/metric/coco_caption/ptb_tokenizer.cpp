#include "ptb_tokenizer.h"

#include "ptb_forms.h"
#include "ptb_items.h"
#include "ptb_words.h"

namespace flam {

namespace {

using namespace ptb;

/// The rule whose text, with what must stand behind it, is the longest; of several, the first one.
struct Longest {
  size_t length = 0, reach = 0;
  Form form = Form::dropped;

  void offer(size_t token, Form token_form = Form::text) { offer_before(token, 0, token_form); }
  void offer_before(size_t token, size_t behind, Form token_form = Form::text) {
    if (token == 0 || token + behind <= reach) return;
    *this = {token, token + behind, token_form};
  }
  /// A rule that holds only in front of something that has `behind` code points.
  void offer_if_before(size_t token, size_t behind, Form token_form = Form::text) {
    if (behind > 0) offer_before(token, behind, token_form);
  }
};

bool is_inner_mark(char32_t c) {
  return is_one_of(c, U",;:\u3001");
}
bool is_quote(char32_t c) {
  return is_one_of(c, U"`\u2018\u2019\u201A\u201B\u201C\u201D\u201E\u201F\u2039\u203A\u00AB\u00BB") ||
         (c >= 0x91 && c <= 0x94);
}

void offer_words(const Text& text, size_t at, Longest& best) {
  best.offer(text.any_word(at, {"c++", "c#", "f#"}));
  best.offer_if_before(3, text.word(at, "cannot") / 2);
  best.offer_if_before(2, text.word(at, "'twas") > 0 ? 3 : text.word(at, "'tis") > 0 ? 2 : 0);
  best.offer_if_before(3, text.any_word(at, {"gonna", "gotta", "lemme", "gimme", "wanna"}) > 0 ? 2 : 0);
  best.offer(tag(text, at), Form::joined);
  best.offer(text.any_word(at, {"&md;", "&mdash;", "&ndash;"}), Form::dropped);
  best.offer(text.word(at, "&amp;"), Form::entities);
  best.offer(entity(text, at));
  const size_t letters = word(text, at);
  best.offer_if_before(letters, auxiliary(text, at + letters));
  const size_t stem = negated(text, at);
  best.offer_if_before(stem, stem > 0 ? negation(text, at + stem) : 0);
  best.offer(letters);
  best.offer(word_with_apostrophe(text, at));
  const size_t mark = text.word(at, "y") > 0 ? text.apostrophe(at + 1) : 0;
  if (mark > 0) best.offer_if_before(1 + mark, is_letter(text[at + 1 + mark]));
  best.offer(full_url(text, at), Form::verbatim);
  best.offer(likely_url(text, at), Form::verbatim);
  best.offer(email(text, at), Form::verbatim);
  best.offer(social_name(text, at), Form::verbatim);
}

void offer_contractions(const Text& text, size_t at, Longest& best, bool anywhere) {
  for (const size_t length : {auxiliary(text, at), negation(text, at)}) {
    if (length == 0) continue;
    if (anywhere)
      best.offer(length, Form::apostrophes);
    else
      best.offer_if_before(length, !is_ascii_letter(text[at + length]), Form::apostrophes);
  }
}

void offer_numbers(const Text& text, size_t at, Longest& best) {
  const char32_t c = text[at];
  best.offer(date(text, at));
  best.offer(number(text, at));
  best.offer(small_number(text, at));
  best.offer(fraction(text, at), Form::joined);
  best.offer((c >= 0xBC && c <= 0xBE) || (c >= 0x2153 && c <= 0x215E), Form::fraction);
  best.offer(text.any_word(at, {"-rrb-", "-lrb-", "-rcb-", "-lcb-", "-rsb-", "-lsb-", "c.d.s", "pro-",
                                "anti-", "s&p-500", "s&amp;p-500", "s&ls", "s&amp;ls"}),
             Form::entities);
  for (const std::string_view prefix : {"cap", "c"}) {  // cap'n, c'est
    const size_t begin = text.word(at, prefix), mark = begin > 0 ? text.apostrophe(at + begin) : 0;
    const size_t rest = mark > 0 ? text.word(at + begin + mark, begin == 3 ? "n" : "est") : 0;
    if (rest > 0) best.offer(begin + mark + rest);
  }
  best.offer(slashed_words(text, at));
  best.offer(currency(text, at));
  best.offer(
      is_one_of(c, U"\u00A2\u00A3\u00A4\u00A5\u0080\u20A0\u20AC\u060B\u0E3F\u20A4\uFFE0\uFFE1\uFFE5\uFFE6"),
      Form::currency);
}

void offer_abbreviations(const Text& text, size_t at, Longest& best) {
  const size_t initials = acronym(text, at);
  if (initials == 2)
    best.offer_if_before(1, sentence_start(text, at + 2) > 0 ? 1 + sentence_start(text, at + 2) : 0);
  if (const size_t length = abbreviation_of_numbers(text, at)) {
    const size_t space = is_space(text[at + length]) ? 1 : 0;
    best.offer_if_before(length, is_digit(text[at + length + space]) ? space + 1 : 0);
  }
  best.offer_before(abbreviation(text, at), 2);
  best.offer(abbreviated_title(text, at));
  best.offer(initials);
  const size_t mark = text.apostrophe(at);  // '70
  if (mark > 0 && is_ascii_digit(text[at + mark]) && is_ascii_digit(text[at + mark + 1]))
    best.offer_if_before(mark + 2, is_space(text[at + mark + 2]));
  best.offer_if_before(file_name(text, at), 1);
}

/// A word that keeps the period behind it because a comma, semicolon or colon follows.
void offer_with_period(const Text& text, size_t at, size_t length, Longest& best, Form form = Form::text) {
  if (length > 0 && text[at + length] == '.')
    best.offer_if_before(length + 1, is_inner_mark(text[at + length + 1]), form);
}

void offer_marks(const Text& text, size_t at, Longest& best) {
  const char32_t c = text[at];
  best.offer(phone_number(text, at), Form::parentheses);
  best.offer(c == '"' ? 1 : text.word(at, "&quot;"), Form::dropped);
  best.offer(is_one_of(c, U"<>") ? 1 : text.any_word(at, {"&lt;", "&gt;"}), Form::entities);
  best.offer_if_before(smiley(text, at), 1, Form::parentheses);
  best.offer(asian_smiley(text, at), Form::parentheses);
  best.offer(is_one_of(c, U"[]{}()"), Form::bracket);
  const size_t hyphens = text.run(at, [](char32_t h) { return h == '-'; });
  best.offer(hyphens, hyphens <= 4 ? Form::dropped : Form::text);
  best.offer(ellipsis(text, at), Form::dropped);
  if (is_one_of(c, U"@#_*")) best.offer(text.run(at, [&](char32_t same) { return same == c; }));
  for (size_t stars = 3; stars > 0; --stars)
    if (text.word(at, std::string_view("\\*\\*\\*", 2 * stars)) > 0) best.offer(2 * stars);
  const size_t ends = text.run(at, [](char32_t e) { return e == '?' || e == '!'; });
  best.offer(ends);
  best.offer(is_inner_mark(c) ||
             is_one_of(c, U".=/\u00A1\u00BF\u037E\u0589\u061F\u06D4\u0700\u0701\u0702\u07FA\u3002"));
}

Longest longest_at(const Text& text, size_t at) {
  Longest best;
  offer_words(text, at, best);
  offer_contractions(text, at, best, false);
  offer_numbers(text, at, best);
  offer_abbreviations(text, at, best);
  offer_with_period(text, at, word(text, at), best);
  offer_marks(text, at, best);
  const size_t pieces = joined_pieces(text, at), joined = joined_words(text, at),
               capitals = joined_capitals(text, at);
  offer_with_period(text, at, pieces, best);
  best.offer(pieces);
  offer_with_period(text, at, joined, best);
  best.offer(joined);
  offer_with_period(text, at, capitals, best, Form::entities);
  best.offer(capitals, Form::entities);
  const bool opens =
      text[at] == '\'' && is_ascii_letter(text[at + 1]) && !is_one_of(text[at + 2], U" \t\n\r\u00A0");
  best.offer_if_before(1, opens ? 2 : 0, Form::dropped);
  offer_contractions(text, at, best, true);
  const size_t mark = text.apostrophe(at);
  best.offer(std::max(mark, text.word(at, "''")), Form::apostrophes);
  best.offer(text.run(at, is_quote, 2), Form::apostrophes);
  best.offer(text.any_word(at, {"<<", ">>"}));
  best.offer(is_symbol(text[at]));
  best.offer(text.word(at, "&nbsp;"), Form::dropped);
  best.offer(1, Form::dropped);
  return best;
}

bool is_punctuation(std::string_view token) {
  constexpr std::string_view kPunctuation[] = {"''", "'", "``", "`",  ".",   "?", "!",
                                               ",",  ":", "-",  "--", "...", ";"};
  return token.empty() || std::ranges::find(kPunctuation, token) != std::end(kPunctuation);
}

/// The length of a word of ASCII letters that stands between spaces and follows no special rule.
size_t plain_word(const Text& text, size_t at) {
  const size_t length = text.run(at, is_ascii_letter);
  if (length == 0 || (text[at + length] != ' ' && text[at + length] != '\n')) return 0;
  return text.any_word(at, {"cannot", "gonna", "gotta", "lemme", "gimme", "wanna"}) == length ? 0 : length;
}

}  // namespace

std::vector<std::string> ptb_tokens(std::string_view caption) {
  std::vector<std::string> tokens;
  const std::u32string decoded = decode(caption);
  const Text text(decoded);
  for (size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    if (const size_t length = plain_word(text, at)) {
      tokens.push_back(encode_lower(text.part(at, length)));
      at += length;
      continue;
    }
    const Longest best = longest_at(text, at);
    if (best.form != Form::dropped) {
      std::string token = encode_lower(formed(text.part(at, best.length), best.form));
      if (!is_punctuation(token)) tokens.push_back(std::move(token));
    }
    at += best.length;
  }
  return tokens;
}

}  // namespace flam
