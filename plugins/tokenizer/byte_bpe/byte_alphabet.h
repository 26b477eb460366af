#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace flam {

/// The bytes that `piece` stands for in GPT-2's byte alphabet (bytes_to_unicode in its encoder.py): each
/// character is one byte. Nothing if a character is not in the alphabet.
std::optional<std::string> bytes_of_piece(std::string_view piece);

/// The bytes as UTF-8. Each maximal part of them that is not UTF-8 becomes one U+FFFD, as in Rust's
/// String::from_utf8_lossy (Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts").
std::string valid_utf8(std::string_view bytes);

}  // namespace flam
