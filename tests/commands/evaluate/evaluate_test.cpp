// Evaluation with records that can't be run, and with configs that lack a dataset or metrics.
#include "framework/commands/evaluate/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/file.h"
#include "tests/integration/golden_config.h"
#include "tests/support/scratch.h"
#include "tests/support/stored.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class Evaluate : public testing::Test {
 protected:
  std::shared_ptr<Session> open(std::vector<std::string> overrides) const {
    RunOptions options = test::on_device();
    options.overrides = std::move(overrides);
    return Session::open("flamingo_mini_caption", options);
  }
  /// The embedded model, with a dataset of the pictures listed in `lines`.
  std::shared_ptr<Session> on_folder(const std::string& lines) const {
    write_file(folder_ / "annotations.jsonl", lines);
    return open({"dataset={_delete_: true, type: image_folder, folder: " + folder_.path().string() + "}",
                 "metrics=[{type: exact_match}]"});
  }
  test::Scratch folder_;
};

TEST_F(Evaluate, ScoresLeaveOutRecordsThatCannotBeRun) {
  std::filesystem::copy_file(FLAM_SOURCE_DIR "/docs/images/scene.png", folder_ / "scene.png");
  const std::string record = R"({"image": "scene.png", "references": ["no such caption"]})";
  const std::string caption =
      on_folder(record)->answer(picture_request(folder_ / "scene.png")).answer.front().second;
  const auto session = on_folder(R"({"image": "scene.png", "references": [")" + caption + "\"]}\n" +
                                 R"({"image": "none.png", "references": ["x"]})" + "\n" + record + "\n");
  EvaluateOptions options;
  options.batch_size = 2;
  options.seed = 9;
  std::vector<std::pair<int64_t, int64_t>> told;
  options.progress = [&](int64_t done, int64_t total, int64_t) { told.emplace_back(done, total); };
  const Evaluation result = evaluate(*session, options);
  EXPECT_EQ(result.n, 3);
  EXPECT_EQ(result.seed, 9);
  EXPECT_EQ(result.answers.failed, 1);
  ASSERT_EQ(result.answers.failures.size(), 1u);
  EXPECT_THAT(result.answers.failures[0], HasSubstr((folder_ / "none.png").string() + ": "));
  EXPECT_THAT(result.answers.scores, ElementsAre(Pair("exact", 1.0 / 2)));
  ASSERT_EQ(result.controls.size(), 1u);
  EXPECT_EQ(result.controls[0].second.failed, 0);  // it does not open the picture
  EXPECT_TRUE(result.by_kind.empty());
  EXPECT_THAT(told, ElementsAre(Pair(0, 3), Pair(2, 3), Pair(3, 3)));
  options.blind = false;
  EXPECT_TRUE(evaluate(*session, options).controls.empty());
  options.cancelled = [] { return true; };
  EXPECT_EQ(error_of([&] { evaluate(*session, options); }), "interrupted");
}

TEST_F(Evaluate, FeaturesScoreAsTheirPicturesDo) {
  const auto scores_on = [&](const std::string& key) {
    RunOptions options = test::on_device();
    options.plugin_path = {FLAM_FIXTURE_PLUGINS "/stored", FLAM_FIXTURE_PLUGINS "/text_liars"};
    options.overrides = {"dataset={_delete_: true, type: stored, key: " + key +
                             ", file: " + (folder_ / "stored.safetensors").string() + "}",
                         "metrics=[{type: exact_match}, {type: liar}]", "generation.max_new_tokens=8"};
    options.threads = 1;
    EvaluateOptions how;
    how.batch_size = 2;
    std::vector<std::string> answers;
    how.on_answer = [&](const Record&, const Prediction& prediction) { answers.push_back(prediction.text); };
    const Evaluation result = evaluate(*Session::open("flamingo_mini_caption", options), how);
    EXPECT_EQ(result.answers.failed, 0);
    EXPECT_EQ(result.controls.size(), 1u);
    EXPECT_EQ(result.controls.front().second.failed, 0);
    return std::make_tuple(answers, result.answers.scores, result.controls.front().second.scores);
  };
  const auto session = open({});
  test::write_stored(folder_ / "stored.safetensors", session->model(), session->transforms(), 3);
  EXPECT_EQ(scores_on("features"), scores_on("pictures"));
}

/// The embedded model with random weights, and a component of tests/fixtures/plugins/text_liars.cpp.
Evaluation evaluate_with(const std::string& key, const std::string& lie) {
  RunOptions options = test::on_device();
  options.weights = "random";
  options.plugin_path = {FLAM_FIXTURE_PLUGINS "/text_liars"};
  const auto liar = [&](const std::string& of, const std::string& lies) {
    return of + (of == "metrics" ? "=[{type: liar, lie: '" + lies + "'}]"
                                 : "={_delete_: true, type: liar, lie: '" + lies + "'}");
  };
  options.overrides = {liar("dataset", ""), liar("metrics", ""), liar(key, lie)};
  return evaluate(*Session::open("flamingo_mini_caption", options), {});
}

TEST_F(Evaluate, AnErrorOfTheBlindControlIsNotAWrongAnswer) {
  const Evaluation result = evaluate_with("model.tokenizer", "refuses_blind");
  EXPECT_EQ(result.answers.failed, 0);
  EXPECT_EQ(result.answers.scores.size(), 1u);
  const EvaluatedPass& blind = result.controls.at(0).second;
  EXPECT_EQ(blind.failed, 3);
  EXPECT_THAT(blind.failures.at(0), HasSubstr("record 0: a text without a picture is not read"));
  EXPECT_TRUE(blind.scores.empty());
}

TEST_F(Evaluate, AComponentThatBreaksItsContractIsNamed) {
  const auto error = [](const std::string& key, const std::string& lie) {
    return error_of([&] { evaluate_with(key, lie); });
  };
  EXPECT_THAT(error("dataset", "throws"), HasSubstr("dataset 'liar' fails in at(): no answer today"));
  EXPECT_THAT(error("dataset", "size"), HasSubstr("dataset 'liar' gives -3 from size()"));
  EXPECT_THAT(error("metrics", "nan"), HasSubstr("metric 'liar' gives nan as the score 'answered'"));
  EXPECT_THAT(error("model.tokenizer", "size"), HasSubstr("tokenizer 'liar' gives 511 from base_size()"));
  const Evaluation head = evaluate_with("task_head", "empty_answer");
  EXPECT_EQ(head.answers.failed, 3);
  EXPECT_THAT(head.answers.failures.at(0),
              HasSubstr("record 0: task_head 'liar' gives an answer without fields from answer()"));
}

TEST_F(Evaluate, AConfigMustNameWhatToEvaluate) {
  const auto golden =
      test::write_golden_config(folder_.path(), test::golden_root() / "v1_tiny", "caption_0shot").string();
  EXPECT_THAT(error_of([&] { evaluate(*Session::open(golden), {}); }), HasSubstr("names no `dataset`"));
  EXPECT_THAT(error_of([&] { evaluate(*open({"metrics=[]"}), {}); }),
              HasSubstr("config 'flamingo_mini_caption' names no `metrics`"));
}

}  // namespace
}  // namespace flam
