#pragma once
#include "ptb_text.h"

namespace flam::ptb {

/// What becomes of the text that a rule of the PTB tokenizer found.
enum class Form {
  text,  // without soft hyphens
  verbatim,
  dropped,      // white space, punctuation, and what no rule knows
  entities,     // &amp; &lt; and &gt; become characters
  apostrophes,  // all kinds become ' or `
  joined,       // spaces become U+00A0
  parentheses,  // become -LRB- and -RRB-, and spaces U+00A0
  bracket,      // one of [ ] { } ( ), becomes -LSB- …
  currency,     // ¢ becomes cents, £ #, and € $
  fraction,     // ½ becomes 1/2
};

std::u32string formed(std::u32string_view found, Form form);

}  // namespace flam::ptb
