// tests/golden/metrics/vqa.json: accuracies by mmpretrain 1.2.0 (VQAAcc) and open-flamingo 2.0.1 (its copy of
// the official script), in percent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/component/metric.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Json = nlohmann::json;

constexpr const char* kOfficial = "{type: vqa_accuracy}";
constexpr const char* kMmpretrain = "{type: vqa_accuracy, formula: share}";

Json golden() {
  std::ifstream file(FLAM_SOURCE_DIR "/tests/golden/metrics/vqa.json");
  return Json::parse(file);
}

Record record_with(std::vector<std::string> references) {
  Record record;
  record.references = std::move(references);
  return record;
}

double accuracy(const char* config, const std::vector<std::string>& references, const std::string& answer) {
  const Built<Metric> metric(config);
  const auto run = metric->start();
  run->add(record_with(references), {answer});
  return run->scores().front().second;
}

std::vector<std::string> repeated(std::string text, size_t count) {
  return std::vector<std::string>(count, std::move(text));
}

TEST(VqaAccuracy, EqualsMmpretrainAndTheOfficialScript) {
  const Json expected = golden();
  ASSERT_EQ(expected["questions"].size(), 100u);
  const Built<Metric> official(kOfficial), mmpretrain(kMmpretrain);
  const auto official_run = official->start(), mmpretrain_run = mmpretrain->start();
  for (int64_t i = 0; const Json& question : expected["questions"]) {
    SCOPED_TRACE(question.dump());
    const Record record = record_with(question["references"]);
    official_run->add(record, {question["answer"]});
    mmpretrain_run->add(record, {question["answer"]});
    EXPECT_DOUBLE_EQ(100 * official_run->scores_of({i}).front().second, question["open_flamingo_acc"]);
    EXPECT_DOUBLE_EQ(100 * mmpretrain_run->scores_of({i}).front().second, question["mmpretrain_acc"]);
    ++i;
  }
  EXPECT_DOUBLE_EQ(100 * official_run->scores().front().second, expected["open_flamingo_overall"]);
  EXPECT_DOUBLE_EQ(100 * mmpretrain_run->scores().front().second, expected["mmpretrain_acc"]);
}

TEST(VqaAccuracy, CommonFormOfAnswersEqualsTheReferences) {
  // The common form itself is compared: ignoring nothing else, it must equal the reference's text.
  const Built<Metric> metric(
      "{type: exact_match, ignore_case: true, ignore_punctuation: true, ignore_articles: true, number_words: "
      "true, "
      "contractions: true}");
  for (const Json& question : golden()["questions"]) {
    SCOPED_TRACE(question.dump());
    const auto run = metric->start();
    const auto check = [&](const std::string& text, const std::string& normal) {
      run->add(record_with({normal}), {text});
    };
    check(question["answer"], question["mmpretrain_normalised"]);
    for (size_t i = 0; i < question["references"].size(); ++i)
      check(question["references"][i], question["mmpretrain_references_normalised"][i]);
    EXPECT_THAT(run->scores(), ElementsAre(Pair("exact", 1.0)));
  }
}

TEST(VqaAccuracy, LeaveOneOutNeedsThreeOthersForAFullScore) {
  std::vector<std::string> references = repeated("no", 10);
  EXPECT_DOUBLE_EQ(accuracy(kOfficial, references, "yes"), 0);
  references[0] = "yes";
  EXPECT_DOUBLE_EQ(accuracy(kOfficial, references, "yes"), 0.3);
  EXPECT_DOUBLE_EQ(accuracy(kMmpretrain, references, "yes"), 1.0 / 3);
  references[1] = references[2] = references[3] = "yes";
  EXPECT_DOUBLE_EQ(accuracy(kOfficial, references, "yes"), 1);
  EXPECT_DOUBLE_EQ(
      accuracy("{type: vqa_accuracy, formula: share, full_score_weight: 0.5}", references, "yes"), 0.8);
}

TEST(VqaAccuracy, TheOfficialScriptComparesUnanimousAnswersAsTheyAre) {
  EXPECT_DOUBLE_EQ(accuracy(kOfficial, repeated("Yes.", 10), "yes"), 0);
  EXPECT_DOUBLE_EQ(accuracy(kOfficial, repeated(" a\ttall\ncat ", 10), "a tall cat"), 1);
  EXPECT_DOUBLE_EQ(accuracy(kMmpretrain, repeated("Yes.", 10), "yes"), 1);
}

TEST(VqaAccuracy, SelectionsCountRecordsAsOftenAsTheyOccur) {
  const Built<Metric> metric(kMmpretrain);
  const auto run = metric->start();
  EXPECT_THAT(run->scores(), ElementsAre(Pair("vqa_accuracy", 0.0)));
  run->add(record_with({"yes"}), {"yes"});
  run->add(record_with({"yes"}), {"no"});
  EXPECT_THAT(run->scores_of({0, 0, 0, 1}), ElementsAre(Pair("vqa_accuracy", 0.75)));
  EXPECT_THAT(run->scores_of({}), ElementsAre(Pair("vqa_accuracy", 0.0)));
}

TEST(VqaAccuracy, RecordsWithTooFewReferencesAreErrors) {
  EXPECT_THAT(test::error_of([] { accuracy(kMmpretrain, {}, "yes"); }),
              HasSubstr("has 0 references; it needs at least 1"));
  EXPECT_THAT(test::error_of([] { accuracy(kOfficial, {"yes"}, "yes"); }),
              HasSubstr("has 1 reference; it needs at least 2 (formula leave_one_out"));
}

}  // namespace
}  // namespace flam
