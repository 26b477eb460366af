// Text, ids and answers of mmpretrain: FLAM_GOLDEN_DIR/v1_tiny/postprocess.json, through tokenizer and heads;
// text and answers of open-flamingo 2.0.1: tests/golden/metrics/open_flamingo_answers.json.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "framework/component/task_head.h"
#include "tests/support/make_tokenizer.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using Json = nlohmann::json;

Json read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(path + " is missing");
  return Json::parse(file);
}

TEST(GoldenPostprocess, AnswersAreTheReferences) {
  const char* named = std::getenv("FLAM_GOLDEN_DIR");
  const std::string folder = std::string(named ? named : FLAM_SOURCE_DIR "/tests/golden") + "/v1_tiny/";
  const Json model = read_json(folder + "model.json");
  const int64_t vocab_size = model["vocab"];
  std::map<int64_t, std::string> added;
  for (const auto& [token, id] : model["tokens"].items()) {
    if (id.get<int64_t>() >= vocab_size) added[id] = token;
  }
  Value::List tokens;
  for (const auto& [id, token] : added) tokens.push_back(token);
  Value params = Value::map();
  params.set("model", folder + "llama/tokenizer.model");
  params.set("added_tokens", tokens);
  params.set("bos_id", model["tokens"]["<s>"].get<int64_t>());
  const auto tokenizer = make_tokenizer("sentencepiece", params, vocab_size);
  const TaskHead::Input input{"<image>", "<|endofchunk|>"};
  const std::map<std::string, Built<TaskHead>> heads = [&] {
    std::map<std::string, Built<TaskHead>> made;
    for (const char* name : {"caption", "vqa"})
      made.emplace(name, Built<TaskHead>("{type: " + std::string(name) + "}", input));
    return made;
  }();

  const Json cases = read_json(folder + "postprocess.json");
  ASSERT_FALSE(cases.empty());
  for (const Json& c : cases) {
    SCOPED_TRACE(c.dump());
    const std::vector<int64_t> ids = c["ids"];
    EXPECT_EQ(tokenizer->encode(template_text(c["text"]), false), ids);
    const Answer answer = heads.at(c["task"])->answer(result_with(tokenizer->decode(ids, true)));
    EXPECT_EQ(answer.front().second, c["result"].get<std::string>());
  }
}

TEST(GoldenPostprocess, OpenFlamingosAnswersAreTheReferences) {
  const TaskHead::Input input{"<image>", "<|endofchunk|>"};
  const Built<TaskHead> caption("{type: caption, cut_at: [Output], remove: ['\"'], strip: false}", input);
  const Built<TaskHead> vqa("{type: vqa, cut_at: [Question, Answer, Short, ', '], strip: false}", input);
  const Json cases = read_json(FLAM_SOURCE_DIR "/tests/golden/metrics/open_flamingo_answers.json");
  ASSERT_FALSE(cases.empty());
  for (const Json& c : cases) {
    SCOPED_TRACE(c.dump());
    const Result result = result_with(c["text"].get<std::string>());
    EXPECT_EQ(caption->answer(result).front().second, c["caption"].get<std::string>());
    EXPECT_EQ(vqa->answer(result).front().second, c["vqa"].get<std::string>());
  }
}

}  // namespace
}  // namespace flam
