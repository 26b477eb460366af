#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/component/metric.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

/// A record with one reference, and the scores of its candidates.
struct Case {
  std::string reference;
  std::vector<std::pair<std::string, double>> candidates;
};

std::unique_ptr<Metric::Accumulator> run_of(const Built<Metric>& metric, const std::vector<Case>& cases) {
  auto run = metric->start();
  for (const Case& one : cases) {
    Record record;
    record.request.id = "r1";
    record.references = {one.reference};
    Prediction prediction;
    for (const auto& [text, score] : one.candidates) prediction.candidates.push_back({text, score, score, 0});
    run->add(record, prediction);
  }
  return run;
}

Metric::Scores score(const std::string& config, const std::vector<Case>& cases) {
  const Built<Metric> metric(config);
  return run_of(metric, cases)->scores();
}

/// "no" and "yes", with the difference of their scores.
Case binary(const std::string& reference, double odds) {
  return {reference, {{"no", -1}, {"yes", odds - 1}}};
}

// The odds of the positive records are 2, -1 and 0.5, those of the negative ones 0.5 and 1: of 6 pairs, 2 are
// in the right order and 1 is equal.
const std::vector<Case> kBinary = {binary("yes", 2), binary("yes", -1), binary("yes", 0.5), binary("no", 0.5),
                                   binary("no", 1)};

TEST(RankingMetric, AccuracyAndRocAucOfTwoCandidates) {
  const std::vector<Case> separated = {binary("yes", 3), binary("yes", -1), binary("no", -2)};
  EXPECT_THAT(score("{type: ranking}", separated),
              ElementsAre(Pair("accuracy", 2.0 / 3), Pair("roc_auc", 1.0)));
  EXPECT_THAT(score("{type: ranking}", kBinary),
              ElementsAre(Pair("accuracy", 0.4), Pair("roc_auc", 2.5 / 6)));
}

TEST(RankingMetric, APositiveCandidateCanBeNamed) {
  EXPECT_THAT(score("{type: ranking, scores: [roc_auc], positive: 'no'}", kBinary),
              ElementsAre(Pair("roc_auc", 2.5 / 6)));  // both sides are swapped
  const auto among_three = [](const std::string& reference, double a, double b, double c) {
    return Case{reference, {{"a", a}, {"b", b}, {"c", c}}};
  };
  // The odds of a: 1 / (1 + 1), 1 / (e + 0), and 1 / (e + e).
  EXPECT_THAT(score("{type: ranking, scores: [roc_auc], positive: a}",
                    {among_three("a", 0, 0, 0), among_three("a", 0, 1, 1), among_three("b", 0, 1, -1e9)}),
              ElementsAre(Pair("roc_auc", 0.5)));
}

TEST(RankingMetric, AccuracyTakesTheFirstOfEqualCandidates) {
  EXPECT_THAT(score("{type: ranking, scores: [accuracy]}",
                    {{"a", {{"a", 1}, {"b", 1}, {"c", 0}}}, {"b", {{"a", 1}, {"b", 1}}}, {"x", {{"x", 5}}}}),
              ElementsAre(Pair("accuracy", 2.0 / 3)));
}

TEST(RankingMetric, LargeDifferencesAreNotRoundedToEqualProbabilities) {
  EXPECT_THAT(score("{type: ranking, scores: [roc_auc]}", {binary("yes", 1000), binary("no", 900)}),
              ElementsAre(Pair("roc_auc", 1.0)));
}

TEST(RankingMetric, WithoutBothClassesRocAucIsOneHalf) {
  EXPECT_THAT(score("{type: ranking}", {}), ElementsAre(Pair("accuracy", 0.0), Pair("roc_auc", 0.5)));
  EXPECT_THAT(score("{type: ranking}", {binary("yes", 1)}),
              ElementsAre(Pair("accuracy", 1.0), Pair("roc_auc", 0.5)));
}

TEST(RankingMetric, ScoresSelections) {
  const Built<Metric> metric("{type: ranking}");
  const auto run = run_of(metric, kBinary);
  EXPECT_EQ(run->scores_of({0, 1, 2, 3, 4}), run->scores());
  EXPECT_THAT(run->scores_of({0, 0, 1, 4}), ElementsAre(Pair("accuracy", 0.5), Pair("roc_auc", 2.0 / 3)));
  EXPECT_THAT(run->scores_of({}), ElementsAre(Pair("accuracy", 0.0), Pair("roc_auc", 0.5)));
}

TEST(RankingMetric, ARecordWithoutReferencesIsAnError) {
  const Built<Metric> metric("{type: ranking}");
  EXPECT_THAT(test::error_of([&] {
                metric->start()->add({}, {"", {{"no", 0, 0, 0}, {"yes", 0, 0, 0}}});
              }),
              HasSubstr("has no references, which name its right answers"));
}

TEST(RankingMetric, UnusableCandidatesAreErrors) {
  const auto error = [](const std::string& config, const Case& one) {
    return test::error_of([&] { score(config, {one}); });
  };
  EXPECT_THAT(error("{type: ranking}", {"yes", {}}),
              HasSubstr("the answer to record 'r1' has no candidates; use a task head that ranks"));
  EXPECT_THAT(error("{type: ranking}", {"a", {{"a", 1}, {"b", 1}, {"c", 0}}}),
              HasSubstr("the candidates of record 'r1' are 'a', 'b', 'c'; roc_auc needs two of them, or the "
                        "parameter `positive`"));
  EXPECT_THAT(error("{type: ranking, positive: maybe}", binary("yes", 1)),
              HasSubstr("are 'no', 'yes'; roc_auc needs 'maybe' among two or more"));
  EXPECT_THAT(error("{type: ranking}", binary("yes", std::nan(""))), HasSubstr("are not numbers"));
}

TEST(RankingMetric, ScoresAreNamedOnceEach) {
  const auto error = [](const std::string& config) { return test::error_of([&] { score(config, {}); }); };
  EXPECT_THAT(error("{type: ranking, scores: []}"),
              testing::EndsWith("metric 'ranking': `scores` is empty; name at least one"));
  EXPECT_THAT(error("{type: ranking, scores: [accuracy, accuracy]}"), HasSubstr("names 'accuracy' twice"));
  EXPECT_THAT(error("{type: ranking, scores: [auc]}"), HasSubstr("must be one of accuracy, roc_auc"));
}

}  // namespace
}  // namespace flam
