// The tokenizer of a GGUF file, as llama.cpp reads it (src/llama-vocab.cpp).

#include "bpe_file.h"
#include "framework/sdk.h"
#include "vocabulary.h"

namespace flam {

namespace {

// tokenizer.ggml.token_type
constexpr double kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5;

constexpr std::pair<std::string_view, PreTokenizerKind> kPreTokenizers[] = {
    {"gpt-2", PreTokenizerKind::gpt2},    {"gpt2", PreTokenizerKind::gpt2},
    {"smollm", PreTokenizerKind::smollm}, {"llama-bpe", PreTokenizerKind::llama3},
    {"llama3", PreTokenizerKind::llama3}, {"llama-v3", PreTokenizerKind::llama3},
    {"qwen2", PreTokenizerKind::qwen2},   {"deepseek-r1-qwen", PreTokenizerKind::qwen2}};

PreTokenizerKind pre_tokenizer_of(const GgufMetadata& metadata) {
  const auto name = metadata.text("tokenizer.ggml.pre");
  std::vector<std::string> known;
  for (const auto& [text, kind] : kPreTokenizers) {
    if (name == text) return kind;
    known.emplace_back(text);
  }
  throw Error(cat("tokenizer.ggml.pre is ", name ? quoted(*name) : "missing",
                  ", so it is not known how text is cut; known: ", join(known, ", "),
                  ". If you know that one of them fits, set pre_tokenizer"));
}

void require_byte_level(const GgufMetadata& metadata) {
  const auto model = metadata.text("tokenizer.ggml.model");
  if (!model) throw Error("it has no tokenizer (tokenizer.ggml.model)");
  if (*model == "llama")
    throw Error("tokenizer.ggml.model is 'llama'; the tokenizer 'sentencepiece' reads this kind");
  if (*model != "gpt2")
    throw Error(cat("tokenizer.ggml.model is ", quoted(*model), "; this plugin reads 'gpt2'"));
}

void read_vocabulary(const GgufMetadata& metadata, BpeFile& file) {
  const auto tokens = metadata.texts("tokenizer.ggml.tokens").value_or(std::vector<std::string_view>());
  const auto types = metadata.numbers("tokenizer.ggml.token_type");
  if (tokens.empty() || std::ssize(tokens) > Vocabulary::kMostIds) {
    throw Error(
        cat("tokenizer.ggml.tokens has ", tokens.size(), " tokens; expected 1 to ", Vocabulary::kMostIds));
  }
  if (types && types->size() != tokens.size()) {
    throw Error(cat("tokenizer.ggml.token_type has ", types->size(), " elements, but there are ",
                    tokens.size(), " tokens"));
  }
  Vocabulary vocabulary(file);
  std::vector<BpeFile::Added> added;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const double type = types ? (*types)[i] : 1;
    const auto id = static_cast<int64_t>(i);
    if (type == kUnknown || type == kControl || type == kUserDefined) {
      added.push_back({.text = std::string(tokens[i]), .id = id, .special = type != kUserDefined});
    } else if (type != kUnused) {
      vocabulary.add_piece(std::string(tokens[i]), id);
    }
  }
  const auto merges = metadata.texts("tokenizer.ggml.merges");
  if (!merges)
    metadata.refuse("it has no list tokenizer.ggml.merges, which a tokenizer of the type gpt2 needs");
  for (const auto merge : *merges) vocabulary.add_merge(std::string(merge));
  for (const auto& token : added) vocabulary.add_token(token);
  vocabulary.finish();
  file.size = std::ssize(tokens);
}

void read_ends(const GgufMetadata& metadata, BpeFile& file) {
  const bool prepends =
      metadata.flag("tokenizer.ggml.add_bos_token").value_or(file.pre_tokenizer == PreTokenizerKind::llama3);
  const auto bos = metadata.integer("tokenizer.ggml.bos_token_id");
  if (prepends && bos) {
    const auto tokens = *metadata.texts("tokenizer.ggml.tokens");
    if (*bos < 0 || *bos >= file.size)
      throw Error(cat("tokenizer.ggml.bos_token_id is ", *bos, ", but there are ", file.size, " tokens"));
    file.bos = std::string(tokens[static_cast<size_t>(*bos)]);
  }
  if (metadata.flag("tokenizer.ggml.add_eos_token").value_or(false))
    file.post_processor = "adds an end token to each text (tokenizer.ggml.add_eos_token)";
}

}  // namespace

BpeFile read_gguf_tokenizer(const std::filesystem::path& path,
                            std::optional<PreTokenizerKind> pre_tokenizer) {
  const GgufMetadata metadata(MappedFile::open(path));
  BpeFile file;
  try {
    require_byte_level(metadata);
    file.pre_tokenizer = pre_tokenizer ? *pre_tokenizer : pre_tokenizer_of(metadata);
    file.nfc = file.pre_tokenizer == PreTokenizerKind::qwen2;
    file.ignore_merges = file.pre_tokenizer == PreTokenizerKind::llama3;
    read_vocabulary(metadata, file);
    read_ends(metadata, file);
  } catch (const Error& error) {
    throw Error(cat(quoted(path.string()), " has no usable byte-level BPE tokenizer: ", error.what()));
  }
  return file;
}

}  // namespace flam
