#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// For text that arrives in pieces: returns how many bytes at the end of `text` may be the beginning of an
/// incomplete word of `words`, or 0. No word may be empty.
FLAM_API size_t unfinished_word(std::string_view text, const std::vector<std::string>& words);

/// Returns how many bytes at the end of `text` may belong to an incomplete character: the first bytes of
/// a UTF-8 sequence, or replacement characters (U+FFFD), which decoders write in their place.
FLAM_API size_t unfinished_character(std::string_view text);

}  // namespace flam
