// A tokenizer.json of LLaMA gives the ids of the SentencePiece file that it was made of; others are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "tests/support/make_tokenizer.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Ids = std::vector<int64_t>;

const std::string kFolder = FLAM_SOURCE_DIR "/tests/golden/llava_tiny/model/";

class JsonModel : public testing::Test {
 protected:
  static Built<Tokenizer> open(const std::string& model) {
    Value params = Value::map();
    params.set("model", model);
    params.set("added_tokens", Value(Value::List{"<image>", "<pad>"}));
    params.set("pad_token", "<pad>");
    params.set("decoder", "byte_fallback");
    return make_tokenizer("sentencepiece", params, 600);
  }
  template <class Edit>
  std::string refusal(const Edit& edit) {
    json file = json::parse(read_file(kFolder + "tokenizer.json", 1 << 20));
    edit(file);
    write_file(scratch_ / "t.json", file.dump());
    return test::error_of([&] { open((scratch_ / "t.json").string()); });
  }
  test::Scratch scratch_;
};

TEST_F(JsonModel, GivesTheIdsOfItsSentencePieceFile) {
  const auto model = open(kFolder + "tokenizer.model"), same = open(kFolder + "tokenizer.json");
  for (const char* text :
       {"", " ", "USER: <image>\nWhat is the man holding? ASSISTANT:", "the   brown horse</s>is riding",
        "aaaaaaa  bbb 12345", "\xf0\x9f\x98\x80 gr\xc3\xbc\xc3\x9f \xe2\x96\x81\xe2\x96\x81 <0x0A><s>"}) {
    const Ids ids = model->encode(template_text(text), true);
    EXPECT_EQ(same->encode(template_text(text), true), ids) << text;
    EXPECT_EQ(same->decode(ids, false), model->decode(ids, false)) << text;
    EXPECT_EQ(same->decode(ids, true), model->decode(ids, true)) << text;
  }
  EXPECT_EQ(same->bos_id(), 1);
  EXPECT_EQ(same->eos_id(), 2);
}

TEST_F(JsonModel, OtherTokenizersAreRefused) {
  EXPECT_EQ(refusal([](json&) {}), "");
  EXPECT_THAT(refusal([](json& file) { file["model"]["type"] = "Unigram"; }),
              HasSubstr("its model is not a BPE with `vocab` and `merges`"));
  EXPECT_THAT(refusal([](json& file) { file["model"]["vocab"]["new"] = 599; }),
              HasSubstr("the ids of `vocab` are not 0 to 600, each once"));
  EXPECT_THAT(refusal([](json& file) {
                file["model"]["merges"].push_back({"\xe2\x96\x81", "t"});
              }),
              HasSubstr("do not follow one another"));
  EXPECT_THAT(refusal([](json& file) { file["model"]["merges"][0][1] = "no piece"; }),
              HasSubstr("is not of two pieces that make a third"));
  EXPECT_THAT(refusal([](json& file) { file["model"]["merges"].erase(0); }), HasSubstr("but no merge of"));
  EXPECT_THAT(refusal([](json& file) { file["model"].erase("unk_token"); }), HasSubstr("no `unk_token`"));
}

}  // namespace
}  // namespace flam
