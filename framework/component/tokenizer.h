#pragma once
#include <filesystem>

#include "framework/component/types.h"
#include "framework/registry/component.h"

namespace flam {

/// tokenizer: text ↔ ids. Ids [0, base_size) are the model's own, [base_size, base_size + added) the added
/// tokens in their order. The file it needs is opened by load(), not by the constructor: sizes are known
/// without it.
class FLAM_API Tokenizer : public Component {
 public:
  static constexpr const char* kKind = "tokenizer";
  struct Input {
    int64_t vocab_size = 0;  // of the decoder: what base_size must be
  };

  ~Tokenizer() override;
  /// Opens the file; a relative path lies below `root` (weights.root). Error: missing, broken, or of another
  /// size than the decoder's vocabulary.
  virtual void load(const std::filesystem::path& root) = 0;
  virtual int64_t base_size() const = 0;
  virtual const std::vector<std::string>& added_tokens() const = 0;

  /// The ids of `text`. Added tokens and control tokens are read in its template text only. No id of one may
  /// come from literal text, not even in part; where that names no token, its ids are those that the same
  /// template text has: a literal range is no place to cut the text at. AddedTokens does all this but for the
  /// symbols of the tokenizer's own vocabulary.
  virtual std::vector<int64_t> encode(const MarkedText& text, bool add_bos) const = 0;
  virtual std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const = 0;
  virtual std::optional<int64_t> token_id(const std::string& token) const = 0;
  virtual int64_t bos_id() const = 0;
  virtual int64_t eos_id() const = 0;
  virtual int64_t pad_id() const = 0;
  virtual const std::string& image_token() const = 0;  // the media marker of prompts
};

}  // namespace flam
