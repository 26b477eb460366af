// What is refused in the tokenizer of a GGUF file, and how its options are kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gguf_tokenizer.h"

namespace flam {
namespace {

using test::GgufFile;
using testing::HasSubstr;
using Ids = std::vector<int64_t>;
using Texts = std::vector<std::string>;

const Texts kTokens = {"<unk>", "<s>", "</s>", "\u2581", "a", "\u2581a", "<tool>"};
const std::vector<float> kScores = {0, 0, 0, -3, -2, -1, 0};
const std::vector<int32_t> kTypes = {2, 3, 3, 1, 1, 1, 4};

class GgufModel : public test::GgufTokenizer {
 protected:
  GgufModel() : GgufTokenizer("sentencepiece", std::ssize(kTokens)) {}
  static GgufFile file(const std::vector<float>& scores = kScores,
                       const std::vector<int32_t>& types = kTypes) {
    return tokens("llama", kTokens, types)
        .key("tokenizer.ggml.scores", scores)
        .key("tokenizer.ggml.bos_token_id", 1u)
        .key("tokenizer.ggml.eos_token_id", 2u);
  }
};

TEST_F(GgufModel, TheLeadingSpaceIsThatOfTheFile) {
  EXPECT_EQ(open(file())->encode(template_text("a"), true), (Ids{1, 5}));
  const auto without = open(file().key("tokenizer.ggml.add_space_prefix", false));
  EXPECT_EQ(without->encode(template_text("a a<tool>"), true), (Ids{1, 4, 5, 6}));
  EXPECT_EQ(without->eos_id(), 2);
}

TEST_F(GgufModel, BrokenVocabulariesAreRefused) {
  EXPECT_THAT(refusal(GgufFile()), HasSubstr("tokenizer.ggml.model is missing"));
  EXPECT_THAT(refusal(GgufFile().key("tokenizer.ggml.model", "gpt2")), HasSubstr("'byte_bpe' reads 'gpt2'"));
  EXPECT_THAT(refusal(GgufFile().key("tokenizer.ggml.model", "llama")),
              HasSubstr("the key 'tokenizer.ggml.tokens' is missing or empty"));
  EXPECT_THAT(refusal(file({0, 1})), HasSubstr("scores' has 2 elements, but there are 7 tokens"));
  EXPECT_THAT(refusal(file(kScores, {1})), HasSubstr("token_type' has 1 elements"));
  EXPECT_THAT(refusal(file(kScores, {2, 3, 3, 1, 1, 1, 9})), HasSubstr("'<tool>' has the unknown type 9"));
  EXPECT_THAT(refusal(file({0, 0, 0, NAN, 0, 0, 0})), HasSubstr("score of piece 3 is not a number"));
  EXPECT_NE(refusal(file(kScores, {1, 3, 3, 1, 1, 1, 4})), "");  // nothing is unknown
  EXPECT_THAT(refusal(file().key("tokenizer.ggml.unknown_token_id", 7u)),
              HasSubstr("unknown_token_id is 7, but there are 7 tokens"));
}

}  // namespace
}  // namespace flam
