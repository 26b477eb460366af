// Whether metrics can score a dataset is known before a model answers anything.
#include "framework/commands/evaluate/scorable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "framework/commands/evaluate/evaluate.h"
#include "framework/commands/evaluate/report.h"
#include "framework/commands/evaluate/rescore.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ScorableRun : public testing::Test {
 protected:
  /// Questions about one picture, with these numbers of answers.
  void ask(const std::vector<int>& answers) {
    Json questions = {{"data_subtype", "val2014"}, {"questions", Json::array()}};
    Json annotations = {{"annotations", Json::array()}};
    int id = 10;
    for (const int count : answers) {
      questions["questions"].push_back({{"image_id", 1}, {"question", "what is it"}, {"question_id", id}});
      Json given = Json::array();
      for (int i = 0; i < count; ++i) given.push_back({{"answer", "circle"}});
      if (count > 0)
        annotations["annotations"].push_back({{"image_id", 1}, {"question_id", id}, {"answers", given}});
      ++id;
    }
    write_file(scratch_ / "questions.json", questions.dump());
    write_file(scratch_ / "annotations.json", annotations.dump());
    fs::copy_file(FLAM_SOURCE_DIR "/docs/images/scene.png", scratch_ / "COCO_val2014_000000000001.jpg",
                  fs::copy_options::overwrite_existing);
  }
  Evaluation run(const std::string& metrics, bool annotations = true) {
    RunOptions options;
    options.threads = 1;
    options.hash_weights = true;
    options.overrides = {"dataset={_delete_: true, type: vqa, images: " + path("") +
                             ", questions: " + path("questions.json") +
                             (annotations ? ", annotations: " + path("annotations.json") : "") + "}",
                         "metrics=" + metrics};
    EvaluateOptions evaluation;
    evaluation.batch_size = 1;
    evaluation.blind = false;
    evaluation.output = output_;
    evaluation.on_answer = [&](const Record&, const Prediction&) { ++answered_; };
    return evaluate(*Session::open("flamingo_mini_vqa", options), evaluation);
  }
  std::string path(const std::string& name) const { return (scratch_ / name).string(); }

  test::Scratch scratch_;
  std::string output_;
  int answered_ = 0;
};

TEST_F(ScorableRun, ALaterRecordThatAMetricRejectsEndsTheRunBeforeTheFirstAnswer) {
  ask({2, 2, 1});
  EXPECT_THAT(test::error_of([&] { run("[{type: vqa_accuracy}]"); }),
              AllOf(HasSubstr("record '12' has 1 reference; it needs at least 2")));
  EXPECT_EQ(answered_, 0);
  EXPECT_THAT(test::error_of([&] { run("[{type: ranking}]"); }), HasSubstr("use a task head that ranks"));
  EXPECT_EQ(answered_, 0);
  EXPECT_EQ(run("[{type: vqa_accuracy, formula: share}]").answers.answered, 3);
}

TEST_F(ScorableRun, ADatasetWithoutAnswersGivesTheFilesForTheServersAndNoScores) {
  ask({0, 0});
  EXPECT_THAT(test::error_of([&] { run("[{type: vqa_accuracy}]", false); }),
              AllOf(HasSubstr("the dataset has no answers to score with (metric 'vqa_accuracy': "),
                    HasSubstr("name --output")));
  EXPECT_THAT(test::error_of([&] { run("[]", false); }), HasSubstr("name --output"));
  output_ = path("results");
  const Evaluation result = run("[{type: vqa_accuracy}, {type: exact_match}]", false);
  EXPECT_EQ(result.answers.answered, 2);
  EXPECT_TRUE(result.answers.scores.empty());
  EXPECT_THAT(result.unscored,
              ElementsAre(StartsWith("metric 'vqa_accuracy'"), StartsWith("metric 'exact_match'")));
  EXPECT_THAT(evaluation_text(result),
              AllOf(HasSubstr("no scores\n"), HasSubstr("the dataset has no answers to score with: metric"),
                    Not(HasSubstr("no record"))));
  const Json submission = Json::parse(read_file(path("results/vqa_results.json"), 1 << 20));
  ASSERT_EQ(submission.size(), 2u);
  EXPECT_EQ(submission[1]["question_id"], 11);

  EXPECT_EQ(evaluation_json(rescore(output_, {})), evaluation_json(result));
  EXPECT_THAT(read_file(write_report(output_, "", {}), 1 << 24), HasSubstr("what is it"));
  EXPECT_THAT(test::error_of([&] { compare_runs(output_, output_, {}); }),
              HasSubstr("has no scores to compare: metric 'vqa_accuracy'"));
}

TEST_F(ScorableRun, AConfigWithoutMetricsStoresTheAnswers) {
  ask({2, 2});
  output_ = path("results");
  const Evaluation result = run("[]");
  EXPECT_TRUE(result.answers.scores.empty());
  EXPECT_TRUE(result.unscored.empty());
  EXPECT_TRUE(fs::exists(path("results/vqa_results.json")));
  RescoreOptions options;
  options.overrides = {"metrics=[{type: exact_match}]"};
  EXPECT_EQ(rescore(output_, options).answers.scores.size(), 1u);
  options.overrides = {"metrics=5"};
  EXPECT_THAT(test::error_of([&] { rescore(output_, options); }),
              HasSubstr("--set 'metrics=5': `metrics` must be a list of components, such as [{type: "
                        "exact_match}], found the number 5"));
}

}  // namespace
}  // namespace flam
