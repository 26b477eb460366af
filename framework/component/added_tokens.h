#pragma once
// Added tokens in text, which every tokenizer handles in the same way.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/export.h"
#include "framework/component/marked_text.h"

namespace flam {

/// Splits text at added tokens in template text (the leftmost first; the longest of several at one position),
/// and joins decoded text with them, as Hugging Face's slow tokenizers do (transformers 4.31,
/// tokenization_utils.py: tokenize and _decode).
class FLAM_API AddedTokens {
 public:
  /// The tokens get the ids first_id, first_id + 1, … `swallow_spaces`: whitespace on both sides of a token
  /// is dropped. Error: a token is empty or occurs twice.
  AddedTokens(std::vector<std::string> tokens, int64_t first_id, bool swallow_spaces);
  /// Adds a token of the base vocabulary at which text is also split. Error: as the constructor.
  void split_also_at(const std::string& token, int64_t id, bool swallow_spaces);

  const std::vector<std::string>& tokens() const { return tokens_; }
  std::optional<int64_t> id(std::string_view token) const;  // of an added token

  /// Appends the ids of `text` to `ids`; `encode(segment, first, ids)` appends those of a text between
  /// tokens, where `first` is true for a segment at the start of the text.
  using EncodeSegment = std::function<void(const MarkedText& segment, bool first, std::vector<int64_t>& ids)>;
  void encode(const MarkedText& text, const EncodeSegment& encode, std::vector<int64_t>& ids) const;

  /// Decodes runs of base ids with `decode` and joins them and the added tokens (left out if `skip`) by
  /// single spaces. Error: an id above the added tokens.
  using DecodeRun = std::function<std::string(const std::vector<int64_t>& run)>;
  std::string decode(const std::vector<int64_t>& ids, bool skip, const DecodeRun& decode) const;

 private:
  struct Splitter {
    std::string text;
    int64_t id;
    bool swallow_spaces;
  };
  std::vector<std::string> tokens_;
  int64_t first_id_;
  std::vector<Splitter> splitters_;  // the longest first
};

}  // namespace flam
