#pragma once
// How far numbers, addresses and marks of the PTB tokenizer reach. All functions return a number of code
// points; 0: it is not there.
#include "ptb_text.h"

namespace flam::ptb {

size_t date(const Text& text, size_t at);          // 12/31/99
size_t number(const Text& text, size_t at);        // -1,000.5
size_t small_number(const Text& text, size_t at);  // of superscripts or subscripts
size_t fraction(const Text& text, size_t at);      // 3/4, 5 1/2
size_t phone_number(const Text& text, size_t at);
size_t currency(const Text& text, size_t at);    // US$ or #
size_t full_url(const Text& text, size_t at);    // http://…
size_t likely_url(const Text& text, size_t at);  // www.example.org/a, example.org
size_t email(const Text& text, size_t at);
size_t social_name(const Text& text, size_t at);  // @name, #topic
size_t tag(const Text& text, size_t at);          // <br/>, <unk>
size_t entity(const Text& text, size_t at);       // some of SGML's, such as &#39;
size_t smiley(const Text& text, size_t at);       // :-) with a character behind it that is no letter or digit
size_t asian_smiley(const Text& text, size_t at);  // (^_^)
size_t ellipsis(const Text& text, size_t at);

}  // namespace flam::ptb
