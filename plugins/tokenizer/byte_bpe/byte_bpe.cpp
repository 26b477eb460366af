// tokenizer 'byte_bpe': byte-level BPE (GPT-2, SmolLM, Llama 3, Qwen2) from a Hugging Face tokenizer.json or
// a GGUF file, with the ids that the package `tokenizers` 0.23 gives.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "added_vocabulary.h"
#include "bpe_file.h"
#include "byte_alphabet.h"
#include "framework/sdk.h"
#include "merges.h"

namespace flam {
namespace {

constexpr size_t kLongestText = 1 << 20;

enum class PreTokenizerName { from_file, gpt2, smollm, llama3, qwen2 };
enum class PrependBos { from_file, always, never };

struct ByteBpeParams {
  std::string model;
  std::string merges;
  PreTokenizerName pre_tokenizer = PreTokenizerName::from_file;
  std::vector<std::string> added_tokens = {"<image>"};
  std::string image_token = "<image>";
  std::string bos_token;
  std::string eos_token = "<|endoftext|>";
  std::string pad_token = "<|endoftext|>";
  PrependBos prepend_bos = PrependBos::from_file;

  void visit(ParamVisitor& v) {
    v("model", model, "tokenizer.json, vocab.json, or a GGUF file; a relative path lies below weights.root",
      required());
    v("merges", merges, "merges.txt, if model is a vocab.json");
    v("pre_tokenizer", pre_tokenizer,
      "how text is cut before merging. tokenizer.json says it, and so does a GGUF file, of which it replaces "
      "tokenizer.ggml.pre; for a vocab.json it must be named. Except with a tokenizer.json, qwen2 also "
      "composes characters (NFC), and llama3 takes whole pieces without merging",
      choices("from_file", "gpt2", "smollm", "llama3", "qwen2"));
    v("added_tokens", added_tokens,
      "tokens with the ids from the decoder's vocab_size on, in their order; tokens of the file that have "
      "these ids must be the same");
    v("image_token", image_token,
      "the token that marks an image in a prompt: one of added_tokens or of the file");
    v("bos_token", bos_token,
      "begin token; empty: the one that the file puts in front, or else the end token");
    v("eos_token", eos_token, "end token");
    v("pad_token", pad_token, "the token that fills shorter prompts");
    v("prepend_bos", prepend_bos,
      "whether prompts begin with the begin token; from_file: as the post_processor of tokenizer.json or "
      "tokenizer.ggml.add_bos_token of a GGUF file says",
      choices("from_file", "always", "never"));
  }
};

class ByteBpe final : public Tokenizer {
 public:
  ByteBpe(const ByteBpeParams& params, const Input& in)
      : params_(params), base_size_(in.vocab_size), added_(params.added_tokens, in.vocab_size, false) {
    if (!params.merges.empty() && params.pre_tokenizer == PreTokenizerName::from_file)
      throw Error("merges.txt doesn't say how text is cut; set pre_tokenizer");
  }

  void load(const std::filesystem::path& root) override;

  int64_t base_size() const override { return base_size_; }
  const std::vector<std::string>& added_tokens() const override { return added_.tokens(); }
  std::vector<int64_t> encode(const MarkedText& text, bool add_bos) const override;
  std::string decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const override;
  std::optional<int64_t> token_id(const std::string& token) const override;
  int64_t bos_id() const override { return bos_id_; }
  int64_t eos_id() const override { return eos_id_; }
  int64_t pad_id() const override { return pad_id_; }
  const std::string& image_token() const override { return params_.image_token; }

 private:
  struct Token {
    std::string bytes;
    bool special = false;
  };

  BpeFile read(const std::filesystem::path& root) const;
  void add_tokens_behind(BpeFile& file, const std::string& path) const;
  int64_t name_token(BpeFile& file, const char* param, const std::string& token) const;

  ByteBpeParams params_;
  int64_t base_size_;
  AddedTokens added_;
  std::optional<PreTokenizer> pre_tokenizer_;  // after load()
  AddedVocabulary added_vocabulary_;
  Merges merges_;
  bool prepend_bos_ = false;
  std::vector<Token> tokens_;                          // by id
  std::unordered_map<std::string, int64_t> by_bytes_;  // of tokens_
  int64_t bos_id_ = -1, eos_id_ = -1, pad_id_ = -1;
};

BpeFile ByteBpe::read(const std::filesystem::path& root) const {
  const std::filesystem::path model = root / params_.model;
  std::optional<PreTokenizerKind> named;
  if (params_.pre_tokenizer != PreTokenizerName::from_file)
    named = static_cast<PreTokenizerKind>(static_cast<int>(params_.pre_tokenizer) - 1);
  if (!params_.merges.empty()) return read_vocab_and_merges(model, root / params_.merges, named.value());
  if (is_gguf(MappedFile::open(model)->bytes())) return read_gguf_tokenizer(model, named);
  if (named) {
    throw Error(
        "tokenizer 'byte_bpe': pre_tokenizer is for a GGUF file, or a vocab.json with merges; remove it");
  }
  return read_tokenizer_json(model);
}

/// Compares the tokens with the ids from base_size_ on with added_tokens, and adds those that the file lacks.
void ByteBpe::add_tokens_behind(BpeFile& file, const std::string& path) const {
  const auto& listed = added_.tokens();
  const auto fail = [&](const std::string& what) {
    return Error(cat("tokenizer 'byte_bpe': ", what, "; model.language_decoder.vocab_size is ", base_size_,
                     ", and the tokens with the ids from there on must be the added_tokens, in their order"));
  };
  if (file.size < base_size_) throw fail(cat(quoted(path), " has only ", file.size, " ids"));
  std::vector<bool> met(listed.size());
  for (const auto& token : file.added) {
    const auto place = std::find(listed.begin(), listed.end(), token.text);
    const int64_t expected = base_size_ + (place - listed.begin());
    if (place != listed.end() && expected != token.id) {
      throw fail(cat(quoted(path), " gives ", quoted(token.text), " the id ", token.id,
                     ", but added_tokens gives it ", expected));
    }
    if (place != listed.end()) met[place - listed.begin()] = true;
    if (place == listed.end() && token.id >= base_size_) {
      throw fail(cat(quoted(path), " has the token ", quoted(token.text), " with the id ", token.id,
                     ", which is not among added_tokens"));
    }
  }
  std::unordered_set<int64_t> added_ids;
  for (const auto& token : file.added) added_ids.insert(token.id);
  for (const auto& [id, bytes] : file.pieces) {
    if (added_ids.contains(id)) continue;
    if (id >= base_size_) {
      throw fail(
          cat(quoted(path), " has ", file.size, " ids; the piece ", quoted(bytes), " has the id ", id));
    }
    const auto place = std::find(listed.begin(), listed.end(), bytes);
    if (place != listed.end() && !met[place - listed.begin()])
      throw fail(cat(quoted(path), " has the piece ", quoted(bytes), " with the id ", id, " already"));
  }
  for (size_t i = 0; i < listed.size(); ++i) {
    const int64_t id = base_size_ + static_cast<int64_t>(i);
    if (!met[i]) file.added.push_back({.text = listed[i], .id = id});
    file.size = std::max(file.size, id + 1);
  }
}

/// The id of a token that a parameter names. A piece of the vocabulary becomes an added token by that.
int64_t ByteBpe::name_token(BpeFile& file, const char* param, const std::string& token) const {
  for (const auto& added : file.added) {
    if (added.text == token) return added.id;
  }
  for (const auto& [id, bytes] : file.pieces) {
    if (bytes == token) {
      file.added.push_back({.text = token, .id = id});
      return id;
    }
  }
  throw Error(cat("tokenizer 'byte_bpe': ", param, ' ', quoted(token), " is neither in ",
                  quoted(params_.model), " nor an added token; set ", param, " to a token of the file"));
}

void ByteBpe::load(const std::filesystem::path& root) {
  const std::string path = (root / params_.model).string();
  BpeFile file = read(root);
  add_tokens_behind(file, path);
  eos_id_ = name_token(file, "eos_token", params_.eos_token);
  pad_id_ = name_token(file, "pad_token", params_.pad_token);
  name_token(file, "image_token", params_.image_token);
  const std::string bos =
      !params_.bos_token.empty() ? params_.bos_token : file.bos.value_or(params_.eos_token);
  bos_id_ = name_token(file, "bos_token", bos);
  if (params_.prepend_bos == PrependBos::from_file && !file.post_processor.empty()) {
    throw Error(cat("tokenizer 'byte_bpe': the post_processor of ", quoted(path), ' ', file.post_processor,
                    ", which is not supported; set prepend_bos to always or never"));
  }
  prepend_bos_ = params_.prepend_bos == PrependBos::always ||
                 (params_.prepend_bos == PrependBos::from_file && file.bos.has_value());

  std::vector<bool> reserved(static_cast<size_t>(file.size));
  tokens_.resize(reserved.size());
  for (const auto& [id, bytes] : file.pieces) tokens_[id].bytes = bytes;
  for (const auto& token : file.added) {
    tokens_[token.id] = {token.text, token.special};
    reserved[token.id] = true;
  }
  for (size_t id = 0; id < tokens_.size(); ++id) {
    if (!tokens_[id].bytes.empty()) by_bytes_.emplace(tokens_[id].bytes, id);
  }
  pre_tokenizer_.emplace(file.pre_tokenizer);
  added_vocabulary_ = AddedVocabulary(file.added, file.nfc);
  merges_ = Merges(file, reserved);
}

std::vector<int64_t> ByteBpe::encode(const MarkedText& text, bool add_bos) const {
  if (!pre_tokenizer_) throw RunError("tokenizer 'byte_bpe' was used before its file was opened");
  if (text.str().size() > kLongestText)
    throw Error(cat("a text of ", text.str().size(), " bytes; at most ", kLongestText, " are taken"));
  std::vector<int64_t> ids;
  if (add_bos && prepend_bos_) ids.push_back(bos_id_);
  added_vocabulary_.encode(
      text,
      [&](const MarkedText& segment, std::vector<int64_t>& out) {
        pre_tokenizer_->split(segment.str(), [&](std::string_view piece) { merges_.encode(piece, out); });
      },
      ids);
  return ids;
}

std::string ByteBpe::decode(const std::vector<int64_t>& ids, bool skip_special_tokens) const {
  std::string bytes;
  for (const int64_t id : ids) {
    if (id < 0 || id >= std::ssize(tokens_))
      throw Error(cat("can't decode id ", id, ": the tokenizer has ", tokens_.size(), " ids"));
    if (!skip_special_tokens || !tokens_[id].special) bytes += tokens_[id].bytes;
  }
  return valid_utf8(bytes);
}

/// Tokens are named by their text: " the", not "Ġthe".
std::optional<int64_t> ByteBpe::token_id(const std::string& token) const {
  if (const auto id = added_.id(token)) return id;
  const auto found = by_bytes_.find(token);
  if (found == by_bytes_.end()) return std::nullopt;
  return found->second;
}

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<ByteBpe, ByteBpeParams>("byte_bpe", "byte-level BPE (GPT-2, SmolLM, Llama 3, Qwen2)");
}

}  // namespace flam
