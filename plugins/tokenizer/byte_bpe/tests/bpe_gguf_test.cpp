// What is refused in the tokenizer of a GGUF file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gguf_tokenizer.h"

namespace flam {
namespace {

using test::GgufFile;
using testing::HasSubstr;
using Ids = std::vector<int64_t>;
using Texts = std::vector<std::string>;

const Texts kTokens = {"<|end|>", "a", "b", "ab", "<tool>", "[PAD5]"};
const std::vector<int32_t> kTypes = {3, 1, 1, 1, 4, 5};

class BpeGguf : public test::GgufTokenizer {
 protected:
  BpeGguf() : GgufTokenizer("byte_bpe", std::ssize(kTokens)) {
    for (const char* key : {"eos_token", "pad_token"}) params.set(key, "<|end|>");
  }
  static GgufFile file(const Texts& texts = kTokens, const std::vector<int32_t>& types = kTypes,
                       const Texts& merges = {"a b"}) {
    return tokens("gpt2", texts, types).key("tokenizer.ggml.merges", merges);
  }
};

TEST_F(BpeGguf, TypesOfTokensDecideHowTheyAreRead) {
  const auto bpe = open(file().key("tokenizer.ggml.pre", "gpt-2"));
  EXPECT_EQ(bpe->encode(template_text("ab<|end|>a<tool>b"), true), (Ids{3, 0, 1, 4, 2}));
  EXPECT_EQ(bpe->encode(literal_text("ab<|end|>"), true), (Ids{3}));  // the other bytes have no tokens
  EXPECT_EQ(bpe->decode({3, 0, 4, 5}, true), "ab<tool>");
  EXPECT_EQ(bpe->decode({3, 0, 4}, false), "ab<|end|><tool>");
  EXPECT_EQ(bpe->token_id("<image>"), 6);
}

TEST_F(BpeGguf, MergesAreNeeded) {
  const GgufFile without = tokens("gpt2", kTokens, kTypes).key("tokenizer.ggml.pre", "gpt-2");
  EXPECT_THAT(refusal(without), testing::HasSubstr("no list tokenizer.ggml.merges"));
}

TEST_F(BpeGguf, TheBeginTokenIsAddedIfTheFileSaysSo) {
  GgufFile begins = file().key("tokenizer.ggml.pre", "gpt-2").key("tokenizer.ggml.bos_token_id", 0u);
  EXPECT_EQ(open(begins)->encode(template_text("a"), true), (Ids{1}));
  EXPECT_EQ(open(begins.key("tokenizer.ggml.add_bos_token", true))->encode(template_text("a"), true),
            (Ids{0, 1}));
  EXPECT_THAT(
      refusal(begins.key("tokenizer.ggml.add_eos_token", true)),
      HasSubstr("adds an end token to each text (tokenizer.ggml.add_eos_token), which is not supported"));
}

TEST_F(BpeGguf, AnUnknownPreTokenizerIsNamed) {
  EXPECT_THAT(refusal(file().key("tokenizer.ggml.pre", "tekken")),
              HasSubstr("tokenizer.ggml.pre is 'tekken', so it is not known how text is cut; known: gpt-2"));
  EXPECT_THAT(refusal(file()), HasSubstr("tokenizer.ggml.pre is missing"));
  params.set("pre_tokenizer", "gpt2");
  EXPECT_EQ(open(file())->encode(template_text("ab"), true), (Ids{3}));
}

TEST_F(BpeGguf, BrokenVocabulariesAreRefused) {
  const auto broken = [&](const Texts& tokens, const std::vector<int32_t>& types, const Texts& merges) {
    return refusal(file(tokens, types, merges).key("tokenizer.ggml.pre", "gpt-2"));
  };
  EXPECT_THAT(refusal(GgufFile()), HasSubstr("has no tokenizer (tokenizer.ggml.model)"));
  EXPECT_THAT(refusal(GgufFile().key("tokenizer.ggml.model", "llama")),
              HasSubstr("'sentencepiece' reads this"));
  EXPECT_THAT(refusal(GgufFile().key("tokenizer.ggml.model", "bert")),
              HasSubstr("is 'bert'; this plugin reads"));
  EXPECT_THAT(broken({}, {}, {}), HasSubstr("has 0 tokens"));
  EXPECT_THAT(broken(kTokens, {1}, {}), HasSubstr("token_type has 1 elements, but there are 6 tokens"));
  EXPECT_THAT(broken({"a", "a"}, {1, 1}, {}), HasSubstr("'a' has the ids 0 and 1"));
  EXPECT_THAT(broken({"a", "a"}, {1, 3}, {}), HasSubstr("'a' has the ids 0 and 1"));
  EXPECT_THAT(broken({"a", ""}, {1, 1}, {}), HasSubstr("empty"));
  EXPECT_THAT(broken({"\u20ac"}, {1}, {}), HasSubstr("outside the alphabet"));
  EXPECT_THAT(broken({"a", std::string(2000, 'b')}, {1, 1}, {}), HasSubstr("2000 bytes"));
  EXPECT_THAT(broken(kTokens, kTypes, {"a c"}), HasSubstr("'c' is not in the vocabulary"));
  EXPECT_THAT(broken(kTokens, kTypes, {"ab"}), HasSubstr("not two pieces"));
  EXPECT_THAT(refusal(file()
                          .key("tokenizer.ggml.pre", "gpt-2")
                          .key("tokenizer.ggml.add_bos_token", true)
                          .key("tokenizer.ggml.bos_token_id", 6u)),
              HasSubstr("bos_token_id is 6, but there are 6 tokens"));
}

}  // namespace
}  // namespace flam
