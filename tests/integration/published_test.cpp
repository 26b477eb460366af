// The commands of docs/evaluation.md that repeat published numbers, on 50 made records in the exact formats
// of COCO and VQAv2, with the embedded model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "framework/base/file.h"
#include "framework/media/encode.h"
#include "framework/model/checked.h"
#include "framework/recipe/run_options.h"
#include "tests/cli/run_flam.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int64_t kRecords = 50, kFirstId = 9;

class Published : public testing::Test {
 protected:
  /// The command that uses a model, with another one and without what only the published one needs.
  static std::string command(const std::string& model, const std::string& instead) {
    const std::string text = read_file(FLAM_SOURCE_DIR "/docs/evaluation.md", 1 << 20);
    std::smatch found;
    EXPECT_TRUE(std::regex_search(text, found, std::regex("tools/flam (evaluate " + model + " [^\n]*)")));
    std::string out = std::regex_replace(found[1].str(), std::regex(model), instead);
    out = std::regex_replace(out, std::regex(" --set weights.root=DIR"), "");
    return std::regex_replace(out, std::regex("limit: 5000"), "limit: " + std::to_string(kRecords));
  }

  /// Scenes as picture files of COCO, below coco/SPLIT.
  std::vector<Record> write_pictures(const std::string& split, bool with_question) const {
    const auto registry = open_registry({FLAM_BUILD_DIR "/lib/flamboyance/plugins"});
    Value node = Value::map();
    node.set("type", "scenes");
    ErrorList errors;
    const ComponentConfig config = registry->parse("dataset", node, errors);
    errors.throw_if_any();
    Dataset::Input input;
    input.with_question = with_question;
    const auto scenes = build_checked<Dataset>(*registry, config, input);
    fs::create_directories(folder_ / "coco" / split);
    fs::create_directories(folder_ / "coco" / "annotations");
    std::vector<Record> records;
    for (int64_t i = 0; i < kRecords; ++i) {
      records.push_back(scenes->at(i));
      const Picture& picture = *records.back().request.parts.front().pictures.front().picture;
      write_file(folder_ / "coco" / split / name(split, i), encode_png(picture));
    }
    return records;
  }
  static std::string name(const std::string& split, int64_t record) {
    char digits[13];
    (void)std::snprintf(digits, sizeof digits, "%012d", static_cast<int>(kFirstId + record));
    return "COCO_" + split + "_" + digits + ".jpg";
  }
  void write(const std::string& file, const Json& json) const {
    std::ofstream(folder_ / "coco" / file) << json;
  }
  Json run(const std::string& command, const std::string& results) const {
    const auto ran = test::run_flam(command + " --json", "cd " + folder_.path().string() + " && ");
    EXPECT_EQ(ran.status, 0) << ran.err;
    const Json scores = Json::parse(ran.out, nullptr, false);
    EXPECT_EQ(scores["n"], kRecords);
    EXPECT_TRUE(fs::exists(folder_ / results / "receipt.json"));
    return scores;
  }
  Json stored(const std::string& file) const { return Json::parse(read_file(folder_ / file, 1 << 22)); }

  test::Scratch folder_;
};

TEST_F(Published, CaptionsOfCoco) {
  const auto records = write_pictures("train2014", false);
  Json images = Json::array(), annotations = Json::array();
  for (int64_t i = 0; i < kRecords; ++i) {
    images.push_back({{"license", 1},
                      {"file_name", name("train2014", i)},
                      {"coco_url", ""},
                      {"height", 80},
                      {"width", 80},
                      {"date_captured", "2013-11-14 11:18:45"},
                      {"flickr_url", ""},
                      {"id", kFirstId + i}});
    for (int64_t n = 0; n < 5; ++n)
      annotations.push_back({{"image_id", kFirstId + i},
                             {"id", 5 * i + n},
                             {"caption", records[static_cast<size_t>(i)].references.front()}});
  }
  write("annotations/captions_train2014.json", {{"info", Json::object()},
                                                {"images", images},
                                                {"licenses", Json::array()},
                                                {"annotations", annotations}});
  const Json scores =
      run(command("flamingo_3rdparty-zeroshot_caption", "flamingo_mini_caption"), "coco_captions");
  EXPECT_GT(scores["scores"]["CIDEr"].get<double>(), 1);  // many captions equal their references
  EXPECT_EQ(scores["intervals"]["CIDEr"].size(), 2u);
  const Json results = stored("coco_captions/captions_results.json");
  ASSERT_EQ(results.size(), static_cast<size_t>(kRecords));
  for (const Json& result : results) {
    EXPECT_TRUE(result["image_id"].is_number_integer());
    EXPECT_TRUE(result["caption"].is_string());
  }
}

TEST_F(Published, AnswersOfVqav2) {
  const auto records = write_pictures("val2014", true);
  Json questions = Json::array(), annotations = Json::array();
  for (int64_t i = 0; i < kRecords; ++i) {
    const Record& record = records[static_cast<size_t>(i)];
    const Json id = {{"image_id", kFirstId + i}, {"question_id", 1000 * (kFirstId + i)}};
    Json question = id;
    question["question"] = record.request.parts.back().text;
    questions.push_back(question);
    Json annotation = id;
    annotation["question_type"] = "what";
    annotation["answer_type"] = "other";
    annotation["multiple_choice_answer"] = record.references.front();
    for (int n = 1; n <= 10; ++n)
      annotation["answers"].push_back(
          {{"answer", record.references.front()}, {"answer_confidence", "yes"}, {"answer_id", n}});
    annotations.push_back(annotation);
  }
  Json head = {{"info", Json::object()},
               {"license", Json::object()},
               {"data_type", "mscoco"},
               {"data_subtype", "val2014"}};
  Json file = head;
  file["task_type"] = "Open-Ended";
  file["questions"] = questions;
  write("v2_OpenEnded_mscoco_val2014_questions.json", file);
  head["annotations"] = annotations;
  write("v2_mscoco_val2014_annotations.json", head);
  const Json scores = run(command("flamingo_3rdparty-zeroshot_vqa", "flamingo_mini_vqa"), "vqav2");
  EXPECT_GT(scores["scores"]["vqa_accuracy"].get<double>(), 0.8);
  EXPECT_TRUE(scores["by_kind"].contains("other"));
  const Json results = stored("vqav2/vqa_results.json");
  ASSERT_EQ(results.size(), static_cast<size_t>(kRecords));
  EXPECT_TRUE(results[0]["question_id"].is_number_integer());
  EXPECT_TRUE(results[0]["answer"].is_string());
}

}  // namespace
}  // namespace flam
