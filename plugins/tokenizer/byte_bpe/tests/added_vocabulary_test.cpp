// Added tokens in text: the ids that the package `tokenizers` gives (FLAM_GOLDEN_DIR/added_tokens, which
// dump_added_tokens.py there writes).
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/sdk.h"
#include "tests/support/make_tokenizer.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int64_t>;

Json read_golden(const std::string& name) {
  const char* named = std::getenv("FLAM_GOLDEN_DIR");
  std::ifstream file(std::string(named ? named : FLAM_SOURCE_DIR "/tests/golden") + "/" + name);
  return Json::parse(file);
}

class AddedVocabularyTest : public testing::Test {
 protected:
  /// The tokenizer of bpe/gpt2 with other added tokens, behind its 700 pieces.
  Built<Tokenizer> tokenizer(const Json& added_tokens, const Json& normalizer = nullptr) {
    Json json = read_golden("bpe/gpt2/tokenizer.json");
    json["added_tokens"] = added_tokens;
    json["normalizer"] = normalizer;
    write_file(scratch_ / "tokenizer.json", json.dump());
    Value::List behind;
    for (const Json& token : added_tokens) {
      if (token["id"] >= 700) behind.emplace_back(token["content"].get<std::string>());
    }
    Value params = Value::map();
    params.set("model", (scratch_ / "tokenizer.json").string());
    params.set("image_token", behind.front());
    params.set("added_tokens", Value(std::move(behind)));
    return make_tokenizer("byte_bpe", params, 700);
  }
  test::Scratch scratch_;
};

TEST_F(AddedVocabularyTest, TokensOfEveryKindAreFound) {
  const Json sets = read_golden("added_tokens/added_tokens.json");
  ASSERT_GE(sets.size(), 5u);
  for (const Json& set : sets) {
    SCOPED_TRACE(set["name"]);
    const auto bpe = tokenizer(set["added_tokens"], set["normalizer"]);
    ASSERT_GE(set["cases"].size(), 40u);
    for (const Json& c : set["cases"])
      EXPECT_EQ(bpe->encode(template_text(c["text"]), false), c["ids"].get<Ids>()) << c["text"].dump();
  }
}

TEST_F(AddedVocabularyTest, LiteralTextIsBesideATokenButNeverPartOfOne) {
  const Json flags = {{"special", true}, {"normalized", false}, {"lstrip", true}, {"rstrip", true}};
  Json end = {{"id", 0}, {"content", "<|endoftext|>"}}, strips = {{"id", 700}, {"content", "<s>"}},
       word = {{"id", 701}, {"content", "word"}, {"single_word", true}};
  end.update(flags);
  strips.update(flags);
  const auto bpe = tokenizer({end, strips, word});
  const auto encode = [&](const MarkedText& text) { return bpe->encode(text, false); };
  EXPECT_EQ(encode(literal_text("a ") + template_text("<s>") + literal_text("\n\u3000b")),
            encode(template_text("a <s>\n\u3000b")));
  EXPECT_EQ(encode(literal_text(" \n") + template_text("<s>")), Ids{700});
  EXPECT_EQ(encode(literal_text("a") + template_text("word")), encode(literal_text("aword")));
  EXPECT_EQ(encode(literal_text("-") + template_text("word")).back(), 701);
  EXPECT_EQ(encode(template_text("<s") + literal_text(">")), encode(literal_text("<s>")));
  EXPECT_EQ(encode(template_text("\xff<s>\xe3\x80")).size(), 4u);  // bytes that are not UTF-8 are no spaces
}

}  // namespace
}  // namespace flam
