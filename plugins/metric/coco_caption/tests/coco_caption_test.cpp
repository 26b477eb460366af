// tests/golden/metrics/captions.json: 60 images with scores by pycocoevalcap 1.2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "framework/component/metric.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using Json = nlohmann::json;

const std::vector<std::string> kNames = {"Bleu_1", "Bleu_2", "Bleu_3", "Bleu_4", "ROUGE_L", "CIDEr"};

void add(Metric::Accumulator& run, const std::string& caption, std::vector<std::string> references) {
  Record record;
  record.request.id = "r1";
  record.references = std::move(references);
  run.add(record, {caption});
}

class CocoCaption : public testing::Test {
 protected:
  CocoCaption() {
    std::ifstream file(FLAM_SOURCE_DIR "/tests/golden/metrics/captions.json");
    golden_ = Json::parse(file);
    for (const Json& image : golden_["images"]) add(*run_, image["candidate"], image["references"]);
  }

  const Built<Metric> metric_{"{type: coco_caption}"};
  const std::unique_ptr<Metric::Accumulator> run_ = metric_->start();
  Json golden_;
};

TEST_F(CocoCaption, ScoresEqualPycocoevalcap) {
  const Metric::Scores scores = run_->scores();
  ASSERT_EQ(scores.size(), kNames.size());
  for (size_t s = 0; s < kNames.size(); ++s) {
    EXPECT_EQ(scores[s].first, kNames[s]);
    EXPECT_NEAR(scores[s].second, golden_["corpus"][kNames[s]].get<double>(), 1e-9) << kNames[s];
  }
}

TEST_F(CocoCaption, ScoresOfEachImageEqualPycocoevalcap) {
  for (int64_t i = 0; i < std::ssize(golden_["images"]); ++i) {
    const Metric::Scores scores = run_->scores_of({i});
    for (size_t s = 0; s < kNames.size(); ++s)
      EXPECT_NEAR(scores[s].second, golden_["per_image"][kNames[s]][i].get<double>(), 1e-9)
          << kNames[s] << ' ' << i;
  }
}

TEST_F(CocoCaption, RecordsOfASelectionCountAsOftenAsTheyOccur) {
  const Metric::Scores first = run_->scores_of({3}), second = run_->scores_of({5}),
                       both = run_->scores_of({3, 3, 5});
  for (const size_t s : {4, 5})
    EXPECT_NEAR(both[s].second, (2 * first[s].second + second[s].second) / 3, 1e-12);
  EXPECT_EQ(run_->scores_of({5, 3, 3}), both);
}

TEST_F(CocoCaption, MoreRecordsChangeTheDocumentFrequencies) {
  const auto before = run_->scores_of({0}).back();
  for (int i = 0; i < 50; ++i)
    add(*run_, "unlike any other", {golden_["images"][0]["candidate"].get<std::string>()});
  EXPECT_NE(run_->scores_of({0}).back().second, before.second);
}

TEST(CocoCaptionScores, NoRecordsAndEmptyCaptionsHaveFiniteScores) {
  const Built<Metric> metric("{type: coco_caption}");
  const auto run = metric->start();
  for (const auto& [name, score] : run->scores()) EXPECT_EQ(score, 0) << name;
  add(*run, "", {"a dog"});
  add(*run, "...", {"", "a dog"});
  for (const auto& [name, score] : run->scores()) EXPECT_TRUE(std::isfinite(score)) << name;
  // pycocoevalcap takes an empty caption for one empty token.
  EXPECT_THAT(run->scores_of({0})[4], Pair("ROUGE_L", 0));
  EXPECT_THAT(run->scores_of({1})[4], Pair("ROUGE_L", 1));
}

TEST(CocoCaptionScores, TokensWithSpacesAreOneTokenForRougeAndTwoWordsForBleu) {
  const Built<Metric> metric("{type: coco_caption, scores: [Bleu, ROUGE_L]}");
  const auto run = metric->start();
  add(*run, "5 1/2", {"5 3/4"});
  EXPECT_THAT(run->scores(), testing::Contains(Pair("Bleu_1", DoubleNear(0.5, 1e-8))));
  EXPECT_THAT(run->scores().back(), Pair("ROUGE_L", 0));
}

TEST(CocoCaptionScores, OnlyTheNamedScoresAreComputed) {
  const Built<Metric> metric("{type: coco_caption, scores: [CIDEr]}");
  const auto run = metric->start();
  add(*run, "a red dog runs", {"a red dog runs", "the cat"});
  add(*run, "two cats", {"two birds"});
  EXPECT_THAT(run->scores_of({0}), ElementsAre(Pair("CIDEr", DoubleNear(5, 1e-9))));
}

TEST(CocoCaptionScores, RecordsWithoutReferencesAreErrors) {
  const Built<Metric> metric("{type: coco_caption}");
  EXPECT_THAT(test::error_of([&] { add(*metric->start(), "a dog", {}); }),
              HasSubstr("record 'r1' has no references; it needs at least one"));
}

TEST(CocoCaptionScores, ScoresAreNamedOnceEach) {
  const auto error = [](const std::string& config) {
    return test::error_of([&] { Built<Metric> metric(config); });
  };
  EXPECT_THAT(error("{type: coco_caption, scores: []}"),
              testing::EndsWith("metric 'coco_caption': `scores` is empty; name at least one"));
  EXPECT_THAT(error("{type: coco_caption, scores: [Bleu, Bleu]}"), HasSubstr("names 'Bleu' twice"));
  EXPECT_THAT(error("{type: coco_caption, scores: [METEOR]}"),
              HasSubstr("must be one of Bleu, ROUGE_L, CIDEr"));
}

}  // namespace
}  // namespace flam
