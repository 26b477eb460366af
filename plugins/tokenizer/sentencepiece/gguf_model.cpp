// The names of the keys are those of llama.cpp (src/llama-vocab.cpp).

#include "gguf_model.h"

#include "piece_model.h"

namespace flam {

namespace {

template <class List>
List required(const std::optional<List>& list, const char* key, const GgufMetadata& metadata) {
  if (!list || list->empty()) metadata.refuse(cat("the key ", quoted(key), " is missing or empty"));
  return *list;
}

}  // namespace

std::string sentencepiece_of_gguf(const GgufMetadata& metadata) {
  const auto kind = metadata.text("tokenizer.ggml.model");
  if (kind != "llama") {
    metadata.refuse(cat("tokenizer.ggml.model is ", kind ? quoted(*kind) : "missing",
                        "; the tokenizer 'sentencepiece' reads 'llama', and 'byte_bpe' reads 'gpt2'"));
  }
  constexpr const char *kTokens = "tokenizer.ggml.tokens", *kScores = "tokenizer.ggml.scores",
                       *kTypes = "tokenizer.ggml.token_type";
  const auto tokens = required(metadata.texts(kTokens), kTokens, metadata);
  const auto scores = required(metadata.numbers(kScores), kScores, metadata);
  const auto types = required(metadata.numbers(kTypes), kTypes, metadata);
  for (const auto& [key, count] : {std::pair(kScores, scores.size()), std::pair(kTypes, types.size())}) {
    if (count != tokens.size()) {
      metadata.refuse(cat("the key ", quoted(key), " has ", count, " elements, but there are ", tokens.size(),
                          " tokens"));
    }
  }
  PieceModel model;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!(types[i] >= 1 && types[i] <= 6))
      metadata.refuse(cat("the token ", quoted(tokens[i]), " has the unknown type ", types[i]));
    model.pieces.push_back(
        {std::string(tokens[i]), static_cast<float>(scores[i]), static_cast<PieceType>(types[i])});
  }
  const auto special = [&](const char* key) {
    const auto id = metadata.integer(key);
    if (id && (*id < 0 || *id >= std::ssize(tokens)))
      metadata.refuse(cat(key, " is ", *id, ", but there are ", tokens.size(), " tokens"));
    return id;
  };
  model.unk_id = special("tokenizer.ggml.unknown_token_id");
  model.bos_id = special("tokenizer.ggml.bos_token_id");
  model.eos_id = special("tokenizer.ggml.eos_token_id");
  model.add_dummy_prefix = metadata.flag("tokenizer.ggml.add_space_prefix").value_or(true);
  model.remove_extra_whitespaces = metadata.flag("tokenizer.ggml.remove_extra_whitespaces").value_or(false);
  return model.serialize();
}

}  // namespace flam
