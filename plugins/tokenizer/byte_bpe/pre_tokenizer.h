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
  static Expression compiled(std::string_view expression);
  Expression expression_;
  Expression digit_;  // smollm alone: each is a piece, and text between two of them is split for itself
};

class MarkedText;

/// The text in Unicode's normal form C. Bytes that are not UTF-8 are kept. Template characters that may be
/// composed with literal ones become literal.
MarkedText nfc(const MarkedText& text);

}  // namespace flam
