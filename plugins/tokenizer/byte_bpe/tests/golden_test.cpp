// What the package `tokenizers` 0.23.3 gives: FLAM_GOLDEN_DIR/bpe. Each tokenizer.json is also read after it
// was written as the metadata of a GGUF file.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "byte_alphabet.h"
#include "framework/sdk.h"
#include "pre_tokenizer.h"
#include "tests/support/gguf_file.h"
#include "tests/support/make_tokenizer.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int64_t>;

struct Family {
  const char* name;
  PreTokenizerKind kind;
  const char* end;
  const char* image;
  const char* gguf = nullptr;  // tokenizer.ggml.pre of the GGUF file; null: tokenizer.json
};

test::GgufFile gguf_of(const Json& json, const char* pre) {
  const Json& model = json["model"];
  size_t count = model["vocab"].size();
  for (const Json& token : json["added_tokens"]) count = std::max(count, token["id"].get<size_t>() + 1);
  std::vector<std::string> tokens(count), merges;
  std::vector<int32_t> types(count, 1);
  for (const auto& [token, id] : model["vocab"].items()) tokens.at(id.get<size_t>()) = token;
  for (const Json& token : json["added_tokens"]) {
    tokens.at(token["id"].get<size_t>()) = token["content"];
    types.at(token["id"].get<size_t>()) = token["special"] == true ? 3 : 4;
  }
  for (const Json& merge : model["merges"]) {
    merges.push_back(merge.is_string() ? merge.get<std::string>()
                                       : cat(merge[0].get<std::string>(), " ", merge[1].get<std::string>()));
  }
  test::GgufFile file;
  file.key("tokenizer.ggml.model", "gpt2")
      .key("tokenizer.ggml.pre", pre)
      .key("tokenizer.ggml.tokens", tokens);
  file.key("tokenizer.ggml.token_type", types).key("tokenizer.ggml.merges", merges);
  if (std::string_view(pre) == "llama-bpe")
    file.key("tokenizer.ggml.bos_token_id", json["added_tokens"][0]["id"].get<uint32_t>());
  return file;
}

class GoldenByteBpe : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    const char* named = std::getenv("FLAM_GOLDEN_DIR");
    const std::string folder = std::string(named ? named : FLAM_SOURCE_DIR "/tests/golden") + "/bpe/";
    model_ = folder + GetParam().name + "/tokenizer.json";
    std::ifstream file(folder + "cases_" + GetParam().name + ".json");
    ASSERT_TRUE(file) << folder << " lacks the cases of " << GetParam().name;
    cases = Json::parse(file);
    std::ifstream model(model_);
    const Json tokenizer = Json::parse(model);
    vocab_size = std::ssize(tokenizer["model"]["vocab"]);
    if (!GetParam().gguf) return;
    model_ = (scratch_ / "vocabulary.gguf").string();
    write_file(model_, gguf_of(tokenizer, GetParam().gguf).bytes());
  }

  Built<Tokenizer> tokenizer() const {
    std::vector<std::string> added(cases["size"].get<size_t>() - vocab_size);
    for (const auto& [token, id] : cases["special"].items()) {
      if (id >= vocab_size) added.at(id.get<int64_t>() - vocab_size) = token;
    }
    Value params = Value::map();
    params.set("model", model_);
    params.set("added_tokens", Value(Value::List(added.begin(), added.end())));
    params.set("image_token", GetParam().image);
    params.set("eos_token", GetParam().end);
    params.set("pad_token", GetParam().end);
    return make_tokenizer("byte_bpe", params, vocab_size);
  }

  Json cases;
  test::Scratch scratch_;
  std::string model_;
  int64_t vocab_size = 0;
};

TEST_P(GoldenByteBpe, EncodesAndDecodesEveryText) {
  const auto bpe = tokenizer();
  ASSERT_FALSE(cases["cases"].empty());
  for (const Json& c : cases["cases"]) {
    const std::string text = c["text"], decoded = c["decode"];
    SCOPED_TRACE(c["text"].dump().substr(0, 200));
    const Ids ids = c["ids"];
    EXPECT_EQ(bpe->encode(template_text(text), true), ids);
    EXPECT_EQ(bpe->encode(template_text(text), false), c["ids_no_special"].get<Ids>());
    EXPECT_EQ(bpe->decode(ids, false), decoded);
    EXPECT_EQ(bpe->decode(ids, true), c.value("decode_skip", decoded));
  }
}

TEST_P(GoldenByteBpe, CutsTextIntoPieces) {
  const PreTokenizer pre_tokenizer(GetParam().kind);
  int compared = 0;
  for (const Json& c : cases["cases"]) {
    if (!c.contains("pieces")) continue;
    SCOPED_TRACE(c["text"].dump().substr(0, 200));
    std::vector<std::string> expected, pieces;
    for (const std::string piece : c["pieces"]) expected.push_back(bytes_of_piece(piece).value());
    MarkedText text = template_text(c["text"]);
    if (GetParam().kind == PreTokenizerKind::qwen2) text = nfc(text);
    pre_tokenizer.split(text.str(), [&](std::string_view piece) { pieces.emplace_back(piece); });
    EXPECT_EQ(pieces, expected);
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST_P(GoldenByteBpe, DecodesAnyIds) {
  const auto bpe = tokenizer();
  ASSERT_FALSE(cases["decode_cases"].empty());
  for (const Json& c : cases["decode_cases"]) {
    SCOPED_TRACE(c["ids"].dump());
    EXPECT_EQ(bpe->decode(c["ids"], false), c["decode"].get<std::string>());
    EXPECT_EQ(bpe->decode(c["ids"], true), c["decode_skip"].get<std::string>());
  }
}

TEST_P(GoldenByteBpe, KnowsItsSpecialTokens) {
  const auto bpe = tokenizer();
  for (const auto& [token, id] : cases["special"].items()) EXPECT_EQ(bpe->token_id(token), id.get<int64_t>());
  EXPECT_EQ(bpe->eos_id(), cases["special"][GetParam().end].get<int64_t>());
}

INSTANTIATE_TEST_SUITE_P(
    Families, GoldenByteBpe,
    testing::Values(Family{"gpt2", PreTokenizerKind::gpt2, "<|endoftext|>", "<image>"},
                    Family{"smollm", PreTokenizerKind::smollm, "<|im_end|>", "<image>"},
                    Family{"llama3", PreTokenizerKind::llama3, "<|end_of_text|>", "<|image|>"},
                    Family{"qwen2", PreTokenizerKind::qwen2, "<|endoftext|>", "<|image_pad|>"},
                    Family{"gpt2", PreTokenizerKind::gpt2, "<|endoftext|>", "<image>", "gpt-2"},
                    Family{"smollm", PreTokenizerKind::smollm, "<|im_end|>", "<image>", "smollm"},
                    Family{"llama3", PreTokenizerKind::llama3, "<|end_of_text|>", "<|image|>", "llama-bpe"},
                    Family{"qwen2", PreTokenizerKind::qwen2, "<|endoftext|>", "<|image_pad|>", "qwen2"}),
    [](const auto& family) { return std::string(family.param.name) + (family.param.gguf ? "_gguf" : ""); });

}  // namespace
}  // namespace flam
