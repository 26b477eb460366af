// Writes the protobuf of sentencepiece_model.proto. The numbers of the types of pieces are the same in a GGUF
// file, whose names are those of llama.cpp (src/llama-vocab.cpp).

#include "gguf_model.h"

#include <algorithm>

namespace flam {

namespace {

constexpr double kByte = 6;
constexpr uint64_t kBpe = 2;  // TrainerSpec.ModelType

/// A message of the protobuf wire format.
class Protobuf {
 public:
  Protobuf& number(uint64_t field, uint64_t value) {
    varint(field << 3);
    varint(value);
    return *this;
  }
  Protobuf& text(uint64_t field, std::string_view value) {
    varint(field << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Protobuf& real(uint64_t field, float value) {
    varint(field << 3 | 5);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

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
  Protobuf model;  // ModelProto: pieces = 1, trainer_spec = 2, normalizer_spec = 3
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!(types[i] >= 1 && types[i] <= kByte))
      metadata.refuse(cat("the token ", quoted(tokens[i]), " has the unknown type ", types[i]));
    model.text(1, Protobuf()
                      .text(1, tokens[i])
                      .real(2, static_cast<float>(scores[i]))
                      .number(3, static_cast<uint64_t>(types[i]))
                      .bytes());
  }
  Protobuf trainer;
  trainer.number(3, kBpe).number(35, std::find(types.begin(), types.end(), kByte) != types.end());
  struct Special {
    const char* key;
    uint64_t id_field, piece_field;
  };
  for (const auto& [key, id_field, piece_field] :
       {Special{"tokenizer.ggml.unknown_token_id", 40, 45}, Special{"tokenizer.ggml.bos_token_id", 41, 46},
        Special{"tokenizer.ggml.eos_token_id", 42, 47}}) {
    const auto id = metadata.integer(key);
    if (!id) continue;
    if (*id < 0 || *id >= std::ssize(tokens))
      metadata.refuse(cat(key, " is ", *id, ", but there are ", tokens.size(), " tokens"));
    trainer.number(id_field, static_cast<uint64_t>(*id)).text(piece_field, tokens[static_cast<size_t>(*id)]);
  }
  model.text(2, trainer.bytes());
  model.text(3, Protobuf()
                    .text(1, "identity")
                    .number(3, metadata.flag("tokenizer.ggml.add_space_prefix").value_or(true))
                    .number(4, metadata.flag("tokenizer.ggml.remove_extra_whitespaces").value_or(false))
                    .number(5, true)
                    .bytes());
  return model.bytes();
}

}  // namespace flam
