#pragma once
// Added tokens in text: what every tokenizer does with them, whatever it does with the text between them.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/export.h"
#include "framework/component/marked_text.h"

namespace flam {

/// Splits text at whole tokens (the leftmost first, of several there the longest) that lie in template text,
/// and joins decoded text with them, as Hugging Face's slow tokenizers do (transformers 4.31,
/// tokenization_utils.py: tokenize and _decode).
class FLAM_API AddedTokens {
 public:
  /// The tokens get the ids first_id, first_id + 1, … `swallow_spaces`: whitespace on both sides of one is
  /// dropped. Error: an empty token or one given twice.
  AddedTokens(std::vector<std::string> tokens, int64_t first_id, bool swallow_spaces);
  /// A token of the base vocabulary at which text is split too.
  void split_also_at(const std::string& token, int64_t id, bool swallow_spaces);

  const std::vector<std::string>& tokens() const { return tokens_; }
  std::optional<int64_t> id(std::string_view token) const;  // of an added token

  /// Appends the ids of `text` to `ids`; `encode(segment, first, ids)` appends those of the text between
  /// tokens, `first` being true for the segment at the very start.
  using EncodeSegment = std::function<void(const MarkedText& segment, bool first, std::vector<int64_t>& ids)>;
  void encode(const MarkedText& text, const EncodeSegment& encode, std::vector<int64_t>& ids) const;

  /// Runs of base ids through `decode`, and the added tokens (left out if `skip`), joined by single spaces.
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
