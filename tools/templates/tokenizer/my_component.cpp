// tokenizer `my_component`: one id for each byte of the text. Needs no file.
#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  std::vector<std::string> added_tokens = {"<|endofchunk|>", "<image>", "<PAD>"};
  std::string image_token = "<image>";
  std::string pad_token = "<PAD>";

  void visit(ParamVisitor& v) {
    v("added_tokens", added_tokens, "tokens added after the vocabulary, in the order of their ids");
    v("image_token", image_token, "added token that marks an image in a prompt");
    v("pad_token", pad_token, "added token that pads shorter prompts");
  }
};

/// Id 1 begins a text, id 2 ends it, and byte b has id b + 3. The decoder needs at least 259 tokens.
class MyComponent final : public Tokenizer {
 public:
  MyComponent(const MyComponentParams& params, const Input& in)
      : params_(params), base_size_(in.vocab_size), added_(params.added_tokens, in.vocab_size, false) {
    if (in.vocab_size < kFirstByte + 256) {
      throw Error(cat("model.language_decoder.vocab_size is ", in.vocab_size, "; bytes need at least ",
                      kFirstByte + 256));
    }
    const auto pad = added_.id(params.pad_token);
    if (!pad) throw Error(cat("pad_token ", quoted(params.pad_token), " is not among added_tokens"));
    pad_id_ = *pad;
  }

  void load(const std::filesystem::path&) override {}  // a file would be opened here, below weights.root
  int64_t base_size() const override { return base_size_; }
  const std::vector<std::string>& added_tokens() const override { return added_.tokens(); }

  std::vector<int64_t> encode(const MarkedText& text, bool add_bos) const override {
    std::vector<int64_t> ids;
    if (add_bos) ids.push_back(bos_id());
    const auto bytes = [](const MarkedText& segment, bool, std::vector<int64_t>& out) {
      for (const unsigned char byte : segment.str()) out.push_back(byte + kFirstByte);
    };
    added_.encode(text, bytes, ids);  // finds the added tokens of template text, not those of users
    return ids;
  }

  std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const override {
    return added_.decode(ids, skip_special_tokens, [](const std::vector<int64_t>& run) {
      std::string text;
      for (const int64_t id : run) {
        if (id >= kFirstByte && id < kFirstByte + 256) text += static_cast<char>(id - kFirstByte);
      }
      return text;
    });
  }

  std::optional<int64_t> token_id(const std::string& token) const override { return added_.id(token); }
  int64_t bos_id() const override { return 1; }
  int64_t eos_id() const override { return 2; }
  int64_t pad_id() const override { return pad_id_; }
  const std::string& image_token() const override { return params_.image_token; }

 private:
  static constexpr int64_t kFirstByte = 3;
  MyComponentParams params_;
  int64_t base_size_;
  AddedTokens added_;
  int64_t pad_id_ = 0;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "one id for each byte");
}

}  // namespace flam
