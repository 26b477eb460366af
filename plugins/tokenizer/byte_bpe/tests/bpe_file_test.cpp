// Files that are refused, and vocab.json with merges.txt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/sdk.h"
#include "tests/support/make_tokenizer.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class BpeFiles : public testing::Test {
 protected:
  BpeFiles() {
    std::ifstream file(FLAM_SOURCE_DIR "/tests/golden/bpe/gpt2/tokenizer.json");
    good = Json::parse(file);
  }

  Value params(const std::string& bytes) {
    write_file((scratch_ / "tokenizer.json").string(), bytes);
    Value node = Value::map();
    node.set("model", (scratch_ / "tokenizer.json").string());
    return node;
  }
  std::string error(const std::string& bytes, int64_t vocab_size = 700) {
    return test::error_of([&] { make_tokenizer("byte_bpe", params(bytes), vocab_size); });
  }
  std::string error_of(const Json& json) { return error(json.dump()); }

  test::Scratch scratch_;
  Json good;
};

TEST_F(BpeFiles, NamesAPartThatItDoesNotKnow) {
  EXPECT_EQ(error_of(good), "");
  const auto with = [&](const char* part, const char* json) {
    Json changed = good;
    changed[part] = Json::parse(json);
    return error_of(changed);
  };
  EXPECT_THAT(with("normalizer", R"({"type": "Lowercase"})"), HasSubstr("'Lowercase'"));
  EXPECT_THAT(
      with("normalizer", R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]})"),
      HasSubstr("'NFKC'"));
  EXPECT_THAT(with("pre_tokenizer", R"({"type": "Metaspace"})"), HasSubstr("'Metaspace'"));
  EXPECT_THAT(with("pre_tokenizer", "null"), HasSubstr("pre_tokenizer 'null'"));
  EXPECT_THAT(with("pre_tokenizer", R"({"type": "ByteLevel", "add_prefix_space": true})"),
              HasSubstr("add_prefix_space"));
  EXPECT_THAT(
      with("pre_tokenizer", R"({"type": "Sequence", "pretokenizers": [
                   {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": false},
                   {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})"),
      AllOf(HasSubstr("(a+)+$"), HasSubstr("known are those of GPT-2"), HasSubstr("set `pre_tokenizer`")));
  EXPECT_THAT(with("model", R"({"type": "Unigram"})"), HasSubstr("'Unigram'"));
  EXPECT_THAT(with("decoder", R"({"type": "WordPiece"})"), HasSubstr("'WordPiece'"));
  EXPECT_THAT(with("post_processor", R"({"type": "BertProcessing"})"), HasSubstr("'BertProcessing'"));
  Json dropout = good;
  dropout["model"]["dropout"] = 0.1;
  EXPECT_THAT(error_of(dropout), HasSubstr("model.dropout is 0.1"));
  Json strips = good;
  strips["added_tokens"][0]["lstrip"] = "yes";
  EXPECT_THAT(error_of(strips), HasSubstr("lstrip of '<|endoftext|>' is \"yes\"; expected true or false"));
}

TEST_F(BpeFiles, RefusesBrokenFiles) {
  EXPECT_THAT(error("{\n \"model\": nonsense"), HasSubstr("tokenizer.json:2:"));
  EXPECT_THAT(error(std::string(100'000, '[')), HasSubstr("levels deep"));
  EXPECT_THAT(error(R"({"model": 1, "model": 2})"), HasSubstr("the key 'model' occurs twice"));
  EXPECT_THAT(error("{\"model\": \"\xff\"}"), HasSubstr("not JSON"));
  EXPECT_THAT(error("[]"), HasSubstr("there is no model here"));
  EXPECT_THAT(error("{}"), HasSubstr("tokenizer.json:1:1: there is no model here"));
  EXPECT_THAT(error(""), HasSubstr("tokenizer.json:1:1: the file is empty"));
  EXPECT_THAT(error("version https://git-lfs.github.com/spec/v1\n"), HasSubstr("git lfs pull"));
  const auto changed = [&](const auto& change) {
    Json json = good;
    change(json);
    return error_of(json);
  };
  EXPECT_THAT(changed([](Json& j) { j["model"]["vocab"]["!"] = 5; }), HasSubstr("the id 5 belongs to both"));
  for (const Json& id : {Json(-1), Json(1e9), Json(uint64_t{1} << 63), Json("3"), Json(2.5), Json(nullptr)}) {
    EXPECT_THAT(changed([&](Json& j) { j["model"]["vocab"]["!"] = id; }), HasSubstr("the id of '!'"));
    EXPECT_THAT(changed([&](Json& j) { j["added_tokens"][1]["id"] = id; }), HasSubstr("the id of '<image>'"));
  }
  EXPECT_THAT(changed([](Json& j) { j["model"]["vocab"]["\x1b[31m"] = 701; }),
              AllOf(HasSubstr("\\x1b[31m"), HasSubstr("alphabet")));
  EXPECT_THAT(changed([](Json& j) {
                j["model"]["merges"].push_back({"q", "\x01"});
              }),
              AllOf(HasSubstr("not in the vocabulary"), HasSubstr("\\x01")));
  EXPECT_THAT(changed([](Json& j) { j["model"]["merges"].push_back({"x", "x"}); }), HasSubstr("'xx'"));
  EXPECT_THAT(changed([](Json& j) { j["model"]["merges"].push_back("a b c"); }), HasSubstr("not two pieces"));
  EXPECT_THAT(changed([](Json& j) { j["model"]["merges"].push_back(3); }), HasSubstr("not a pair"));
  EXPECT_THAT(changed([](Json& j) { j["model"]["merges"] = 3; }), HasSubstr("not a list"));
  EXPECT_THAT(changed([](Json& j) { j["model"]["vocab"] = Json::array(); }),
              HasSubstr("there is no vocabulary here"));
  EXPECT_THAT(changed([](Json& j) { j["added_tokens"].push_back(j["added_tokens"][1]); }),
              HasSubstr("twice"));
  EXPECT_THAT(changed([](Json& j) { j["added_tokens"][0]["id"] = 9; }), HasSubstr("has the ids 0 and 9"));
  EXPECT_THAT(changed([](Json& j) { j["added_tokens"][0] = 9; }), HasSubstr("no content"));
}

TEST_F(BpeFiles, ComparesSizesWithTheDecoder) {
  EXPECT_THAT(error(good.dump(), 702), AllOf(HasSubstr("has only 701 ids"), HasSubstr("vocab_size is 702")));
  EXPECT_THAT(error(good.dump(), 699), HasSubstr("the id 700, but added_tokens gives it 699"));
  Value node = params(good.dump());
  node.set("eos_token", "<end>");
  EXPECT_THAT(test::error_of([&] { make_tokenizer("byte_bpe", node, 700); }), HasSubstr("eos_token '<end>'"));
  node = params(good.dump());
  node.set("added_tokens", Value(Value::List{"<image>", "<more>"}));
  const auto more = make_tokenizer("byte_bpe", node, 700);
  EXPECT_EQ(more->token_id("<more>"), 701);
  node.set("added_tokens", Value(Value::List{"<more>"}));
  const auto inside = make_tokenizer("byte_bpe", node, 701);  // <image> is one of the decoder's own tokens
  EXPECT_EQ(inside->encode(template_text("<image><more>"), false), (std::vector<int64_t>{700, 701}));
}

TEST_F(BpeFiles, ReadsVocabAndMerges) {
  const auto whole = make_tokenizer("byte_bpe", params(good.dump()), 700);
  std::string merges = "#version: 0.2\n";
  for (const Json& merge : good["model"]["merges"])
    merges += merge[0].get<std::string>() + ' ' + merge[1].get<std::string>() + '\n';
  write_file((scratch_ / "vocab.json").string(), good["model"]["vocab"].dump());
  write_file((scratch_ / "merges.txt").string(), merges);
  Value node = Value::map();
  node.set("model", (scratch_ / "vocab.json").string());
  node.set("merges", (scratch_ / "merges.txt").string());
  const auto load = [&] { return make_tokenizer("byte_bpe", node, 700); };
  EXPECT_THAT(test::error_of(load), HasSubstr("set pre_tokenizer"));
  node.set("pre_tokenizer", "gpt2");
  const auto parts = load();
  for (const char* text : {"A photo of two cats<image>, isn't it?<|endoftext|>", "   12 \n\n\u00e9"}) {
    EXPECT_EQ(parts->encode(template_text(text), true), whole->encode(template_text(text), true));
    EXPECT_EQ(parts->encode(literal_text(text), true), whole->encode(literal_text(text), true));
  }
  write_file((scratch_ / "merges.txt").string(), merges + "a b c\n");
  EXPECT_THAT(test::error_of(load), HasSubstr("merges.txt:445: "));
}

}  // namespace
}  // namespace flam
