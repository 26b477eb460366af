#pragma once
// Text for a tokenizer, in which the parts that a user wrote are marked.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// A text made of template pieces and literal pieces. Added tokens and control tokens (`<image>`, `</s>`) are
/// read as tokens in template pieces only. Whatever a user writes is treated as plain text. Build one from
/// template_text() and literal_text() with `+` and `+=`.
class FLAM_API MarkedText {
 public:
  /// The bytes [begin, end) of the text.
  struct Range {
    size_t begin = 0, end = 0;
    bool operator==(const Range&) const = default;
  };

  MarkedText() = default;
  MarkedText& operator+=(const MarkedText& more);
  friend MarkedText operator+(MarkedText first, const MarkedText& second) { return first += second; }
  bool operator==(const MarkedText&) const = default;

  const std::string& str() const { return text_; }
  /// The literal ranges in ascending order. None is empty, and no two are adjacent.
  const std::vector<Range>& literal() const { return literal_; }
  /// Whether at least one of the bytes [begin, end) is literal.
  bool touches_literal(size_t begin, size_t end) const;
  /// The bytes [begin, end) with their marks.
  MarkedText slice(size_t begin, size_t end) const;
  /// Returns the positions of `token` in template text, from left to right, without overlaps. `token` must
  /// not be empty.
  std::vector<size_t> find_all(std::string_view token) const;

 private:
  friend FLAM_API MarkedText template_text(std::string text);
  friend FLAM_API MarkedText literal_text(std::string text);
  std::string text_;
  std::vector<Range> literal_;
};

/// Text in which tokens are read, from a config or a stored prompt. Never use it for text of a user.
FLAM_API MarkedText template_text(std::string text);
/// Text in which nothing is read as a token, such as a question, an answer or a candidate.
FLAM_API MarkedText literal_text(std::string text);

}  // namespace flam
