#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// The text of a sequence of ids to which ids are appended. For each new id, only the last few ids are
/// decoded, not the whole sequence.
class FLAM_API GrowingText {
 public:
  /// Returns the text of ids. It may treat whitespace at the start specially, as SentencePiece does; apart
  /// from that, the text of a sequence is the concatenated text of its parts.
  using Decode = std::function<std::string(const std::vector<int64_t>&)>;
  /// Tokenizer::unsettled_ids(). The text of the ids before these must not change when more ids follow.
  using Unsettled = std::function<size_t(const std::vector<int64_t>&)>;

  explicit GrowingText(Decode decode, Unsettled unsettled = nullptr)
      : decode_(std::move(decode)), unsettled_(std::move(unsettled)) {}

  void append(int64_t id);
  /// The text so far, without unsettled ids and without an incomplete character at its end. Text is only ever
  /// appended.
  const std::string& text() const { return text_; }

 private:
  void shorten_window(const std::string& decoded);

  Decode decode_;
  Unsettled unsettled_;
  std::vector<int64_t> window_;  // the ids that are decoded with the next one
  size_t window_begin_ = 0;      // where their text begins in text_
  std::string text_;
};

}  // namespace flam
