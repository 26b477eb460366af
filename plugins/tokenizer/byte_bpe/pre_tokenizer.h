#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct re_pattern_buffer;  // a compiled expression of Oniguruma

namespace flam {

/// How text is cut into pieces before they are encoded.
enum class PreTokenizerKind { gpt2, smollm, llama3, qwen2 };

/// The kind that splits text at matches of `expression`; nothing if none does.
std::optional<PreTokenizerKind> kind_of_expression(std::string_view expression);

/// Cuts text with the expression of its kind and Oniguruma, which is what the package `tokenizers` uses.
/// Threads may share it.
class PreTokenizer {
 public:
  explicit PreTokenizer(PreTokenizerKind kind);

  /// Calls `piece` for all parts of `text`, in order. A part that is not UTF-8 is a piece of its own. Error:
  /// the expression can't be matched.
  using Piece = std::function<void(std::string_view)>;
  void split(std::string_view text, const Piece& piece) const;

 private:
  using Expression = std::shared_ptr<re_pattern_buffer>;
  Expression expression_;
  Expression digit_;  // smollm alone: each is a piece, and text between two of them is split for itself
};

class MarkedText;

/// The last character of a text; empty if it has none there, because it is empty or not UTF-8.
std::string_view last_character(std::string_view text);
/// Whether the text begins with Unicode's white space.
bool begins_with_space(std::string_view text);
/// Whether the text begins with a letter, mark, digit, connector such as `_`, or joiner (`\w` of Rust's
/// regular expressions).
bool begins_with_word(std::string_view text);

/// The text in Unicode's normal form C. Bytes that are not UTF-8 are kept. Template characters that may be
/// composed with literal ones become literal.
MarkedText nfc(const MarkedText& text);

}  // namespace flam
