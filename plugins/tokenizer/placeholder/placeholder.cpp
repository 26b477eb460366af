// tokenizer 'placeholder': bytes as ids, for runs with random weights and no tokenizer file.

#include <algorithm>

#include "framework/sdk.h"

namespace flam {
namespace {

struct PlaceholderParams {
  int64_t vocab_size = 32000;
  std::vector<std::string> base_tokens;
  std::vector<std::string> added_tokens = {"<|endofchunk|>", "<image>", "<PAD>"};
  std::string image_token = "<image>";
  std::string pad_token = "<PAD>";

  void visit(ParamVisitor& v) {
    v("vocab_size", vocab_size, "ids below the added tokens; equal to the decoder's", at_least(3));
    v("base_tokens", base_tokens,
      "names of the ids 3, 4, …, if the config refers to tokens of the vocabulary");
    v("added_tokens", added_tokens, "tokens behind them, in the order of their ids");
    v("image_token", image_token, "the added token that marks an image in a prompt");
    v("pad_token", pad_token, "the token that fills shorter prompts");
  }
};

/// Id 1 begins a text and id 2 ends it; a byte b has the id (b + 3) modulo vocab_size. These ids are of no
/// use for training. They only make shapes, lengths and timings realistic.
class Placeholder final : public Tokenizer {
 public:
  Placeholder(const PlaceholderParams& params, const Input& in)
      : params_(params), added_(params.added_tokens, params.vocab_size, true) {
    if (params.vocab_size != in.vocab_size) {
      throw Error(cat("vocab_size is ", params.vocab_size, ", but model.language_decoder.vocab_size is ",
                      in.vocab_size, "; they must be equal"));
    }
    if (std::ssize(params.base_tokens) > params.vocab_size - kFirstByte)
      throw Error(
          cat("base_tokens has ", params.base_tokens.size(), " names; vocab_size is ", params.vocab_size));
    const auto pad = token_id(params.pad_token);
    if (!pad)
      throw Error(cat("pad_token ", quoted(params.pad_token), " is not among added_tokens or base_tokens"));
    pad_id_ = *pad;
  }

  void load(const std::filesystem::path&) override {
    log_warn(
        "tokenizer 'placeholder': this is not a real tokenizer: prompts are encoded as bytes, and the "
        "generated text is meaningless");
  }
  int64_t base_size() const override { return params_.vocab_size; }
  const std::vector<std::string>& added_tokens() const override { return added_.tokens(); }

  std::vector<int64_t> encode(const MarkedText& text, bool add_bos) const override {
    std::vector<int64_t> ids;
    if (add_bos) ids.push_back(bos_id());
    added_.encode(
        text,
        [&](const MarkedText& segment, bool, std::vector<int64_t>& out) {
          for (const unsigned char byte : segment.str())
            out.push_back((byte + kFirstByte) % params_.vocab_size);
        },
        ids);
    return ids;
  }

  std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const override {
    return added_.decode(ids, skip_special_tokens, [&](const std::vector<int64_t>& run) {
      std::string text;
      for (const int64_t id : run) {
        const int64_t byte = id - kFirstByte;
        if (byte >= ' ' && byte <= '~') {
          text += static_cast<char>(byte);
        } else if (!skip_special_tokens || byte >= 0) {
          text += cat('<', id, '>');
        }
      }
      return text;
    });
  }

  std::optional<int64_t> token_id(const std::string& token) const final {
    const auto& names = params_.base_tokens;
    const auto found = std::find(names.begin(), names.end(), token);
    return found == names.end() ? added_.id(token) : kFirstByte + (found - names.begin());
  }
  int64_t bos_id() const override { return 1; }
  int64_t eos_id() const override { return 2; }
  int64_t pad_id() const override { return pad_id_; }
  const std::string& image_token() const override { return params_.image_token; }

 private:
  static constexpr int64_t kFirstByte = 3;
  PlaceholderParams params_;
  AddedTokens added_;
  int64_t pad_id_ = 0;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Placeholder, PlaceholderParams>("placeholder",
                                                "bytes as ids, for runs without a tokenizer file");
}

}  // namespace flam
