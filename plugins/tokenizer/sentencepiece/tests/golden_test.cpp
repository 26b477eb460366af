// What transformers' slow LlamaTokenizer (legacy) gives: FLAM_GOLDEN_DIR/tokenizer. The GGUF file was made of
// the same tokenizer.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/support/make_tokenizer.h"

namespace flam {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int64_t>;

std::string folder() {
  const char* named = std::getenv("FLAM_GOLDEN_DIR");
  return std::string(named ? named : FLAM_SOURCE_DIR "/tests/golden") + "/tokenizer/";
}

class GoldenTokenizer : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::ifstream file(folder() + "cases_llama_slow_legacy.json");
    ASSERT_TRUE(file) << folder() << "cases_llama_slow_legacy.json is missing";
    cases = Json::parse(file);
    const int64_t vocab_size =
        cases["vocab_with_added"].get<int64_t>() - static_cast<int64_t>(cases["added"].size());
    std::vector<std::string> added(cases["added"].size());
    for (const auto& [token, id] : cases["added"].items()) added.at(id.get<int64_t>() - vocab_size) = token;
    Value params = Value::map();
    params.set("model", folder() + GetParam());
    params.set("added_tokens", Value(Value::List(added.begin(), added.end())));
    params.set("bos_id", cases["bos"].get<int64_t>());
    tokenizer.emplace(make_tokenizer("sentencepiece", params, vocab_size));
  }

  Json cases;
  std::optional<Built<Tokenizer>> tokenizer;
};

TEST_P(GoldenTokenizer, EncodesAndDecodesEveryText) {
  ASSERT_FALSE(cases["cases"].empty());
  for (const Json& c : cases["cases"]) {
    const std::string text = c["text"];
    SCOPED_TRACE(c["text"].dump().substr(0, 200));
    const Ids ids = c["ids"];
    EXPECT_EQ((*tokenizer)->encode(template_text(text), true), ids);
    EXPECT_EQ((*tokenizer)->encode(template_text(text), false), c["ids_no_special"].get<Ids>());
    EXPECT_EQ((*tokenizer)->decode(ids, false), c["decode"].get<std::string>());
    EXPECT_EQ((*tokenizer)->decode(ids, true), c["decode_skip"].get<std::string>());
  }
}

TEST_P(GoldenTokenizer, DecodesAnyIds) {
  ASSERT_FALSE(cases["decode_cases"].empty());
  for (const Json& c : cases["decode_cases"]) {
    SCOPED_TRACE(c["ids"].dump());
    EXPECT_EQ((*tokenizer)->decode(c["ids"], false), c["decode"].get<std::string>());
    EXPECT_EQ((*tokenizer)->decode(c["ids"], true), c["decode_skip"].get<std::string>());
  }
}

TEST_P(GoldenTokenizer, PadsOnTheLeft) {
  const Json& batch = cases["left_padded_batch"];
  for (size_t r = 0; r < batch["texts"].size(); ++r) {
    Ids expected = batch["input_ids"][r];
    Ids ids = (*tokenizer)->encode(template_text(batch["texts"][r]), true);
    ids.insert(ids.begin(), expected.size() - ids.size(), (*tokenizer)->pad_id());
    EXPECT_EQ(ids, expected);
  }
}

TEST_P(GoldenTokenizer, KnowsItsSpecialTokens) {
  EXPECT_EQ((*tokenizer)->bos_id(), cases["bos"].get<int64_t>());
  EXPECT_EQ((*tokenizer)->eos_id(), cases["eos"].get<int64_t>());
  EXPECT_EQ((*tokenizer)->pad_id(), cases["pad"].get<int64_t>());
  for (const auto& [token, id] : cases["added"].items())
    EXPECT_EQ((*tokenizer)->token_id(token), id.get<int64_t>());
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTokenizer,
                         testing::Values("llama_small.model", "../gguf/llama_small.gguf"),
                         [](const auto& file) { return std::string(file.index == 0 ? "model" : "gguf"); });

}  // namespace
}  // namespace flam
