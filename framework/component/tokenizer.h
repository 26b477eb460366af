#pragma once
#include <filesystem>

#include "framework/component/types.h"
#include "framework/registry/component.h"

namespace flam {

/// tokenizer: text ↔ ids. Ids [0, base_size) belong to the model, and [base_size, base_size + added) to the
/// added tokens in their order. load(), not the constructor, opens the file, because the sizes are known
/// without it.
class FLAM_API Tokenizer : public Component {
 public:
  static constexpr const char* kKind = "tokenizer";
  struct Input {
    int64_t vocab_size = 0;  // of the decoder; base_size() must equal it
  };

  ~Tokenizer() override;
  /// Opens the file; a relative path lies below `root` (weights.root). Error: the file is missing or broken,
  /// or its size differs from the decoder's vocabulary.
  virtual void load(const std::filesystem::path& root) = 0;
  virtual int64_t base_size() const = 0;
  virtual const std::vector<std::string>& added_tokens() const = 0;

  /// Returns the ids of `text`. Added tokens and control tokens are read in its template text only, and
  /// literal text must not contribute to such an id, not even in part. Literal text that contains no token
  /// has the same ids as the same template text, so the text must not be split at literal ranges. AddedTokens
  /// does all this, except for the symbols of the tokenizer's own vocabulary.
  virtual std::vector<int64_t> encode(const MarkedText& text, bool add_bos) const = 0;
  virtual std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const = 0;
  /// For streaming: how many ids at the end of `ids` may have another text when more ids follow them, apart
  /// from an incomplete character. Text is decoded without special tokens. By default 0.
  virtual size_t unsettled_ids(const std::vector<int64_t>& ids) const;
  virtual std::optional<int64_t> token_id(const std::string& token) const = 0;
  virtual int64_t bos_id() const = 0;
  virtual int64_t eos_id() const = 0;
  virtual int64_t pad_id() const = 0;
  virtual const std::string& image_token() const = 0;  // the media marker of prompts
};

}  // namespace flam
