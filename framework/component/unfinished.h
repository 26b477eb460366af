#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// While text arrives piece by piece: how many bytes at the end of `text` may be the beginning of one of
/// `words` that has not arrived completely. 0: none.
FLAM_API size_t unfinished_word(std::string_view text, const std::vector<std::string>& words);

/// How many bytes at the end of `text` may be a character that has not arrived completely: the first bytes of
/// a UTF-8 sequence, or replacement characters (U+FFFD), which decoders write in their place.
FLAM_API size_t unfinished_character(std::string_view text);

}  // namespace flam
