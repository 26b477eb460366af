#pragma once
// How far the words of the PTB tokenizer reach. All functions return a number of code points; 0: it is not
// there.
#include "ptb_text.h"

namespace flam::ptb {

/// Letters and digits that begin with a letter; . ! and ? inside ("p.m", "don.t").
size_t word(const Text& text, size_t at);
/// The 's, 'm, 'd, 're, 've or 'll behind a word.
size_t auxiliary(const Text& text, size_t at);
/// n't
size_t negation(const Text& text, size_t at);
/// The letters in front of n't; they don't end in n.
size_t negated(const Text& text, size_t at);
/// Words with an apostrophe that are one token: o'clock, O'Brien, 'em, ma'am …
size_t word_with_apostrophe(const Text& text, size_t at);
/// Words joined by hyphens or underscores: well-known, l'oeil-de-boeuf; also one word.
size_t joined_words(const Text& text, size_t at);
/// Words with periods or commas joined by hyphens: U.S.-based, 1,000-foot.
size_t joined_pieces(const Text& text, size_t at);
/// Capital letters joined by + or &: AT&T.
size_t joined_capitals(const Text& text, size_t at);
/// Words joined by one or two slashes: his/her, 24-hour/day.
size_t slashed_words(const Text& text, size_t at);
/// Single letters with a period behind each, at least `least` of them: p.m.
size_t acronym(const Text& text, size_t at, size_t least = 1);
/// Abbreviations with their period: etc. Inc. Mon.; those that a name follows: Mr. St. vs.; and those that
/// count in front of a number only: no. fig.
size_t abbreviation(const Text& text, size_t at);
size_t abbreviated_title(const Text& text, size_t at);
size_t abbreviation_of_numbers(const Text& text, size_t at);
/// White space and a capitalised word that often begins a sentence, such as The or They.
size_t sentence_start(const Text& text, size_t at);
/// A name with a known file type behind a period: img_1.jpg
size_t file_name(const Text& text, size_t at);

}  // namespace flam::ptb
