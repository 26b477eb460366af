// The dataset, built from its plugin.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "framework/base/file.h"
#include "framework/component/dataset.h"
#include "framework/testing/component.h"
#include "plugins/dataset/classifier_maps/tests/made_up.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

class ClassifierMapsDataset : public testing::Test {
 protected:
  ClassifierMapsDataset() {
    write_file(folder_ / "classes.tsv", test::kClasses);
    write_safetensors(folder_ / "maps", {{"features", test::base_maps().to(at::kHalf)}});
    write_safetensors(folder_ / "classifier", {{"classifier.weight", test::classifier_weight()},
                                               {"classifier.bias", test::classifier_bias()},
                                               {"classifier.steps", at::ones({8}, at::kLong)}});
  }
  Built<Dataset> open(const std::string& more = "", const Dataset::Input& input = {}) const {
    const auto file = [&](const char* name) { return (folder_ / name).string(); };
    return Built<Dataset>("{type: classifier_maps, maps: " + file("maps") + ", classifier: " +
                              file("classifier") + ", classes: " + file("classes.tsv") + more + "}",
                          input);
  }
  std::string error(const std::string& more = "") const {
    return error_of([&] { open(more); });
  }
  static at::Tensor features(const Record& record) {
    return record.request.parts.at(0).pictures.at(0).features;
  }
  test::Scratch folder_;
};

TEST_F(ClassifierMapsDataset, GivesFeaturesWithACaption) {
  const auto dataset = open();
  EXPECT_EQ(dataset->size(), 1000);
  const Record record = dataset->at(7);
  EXPECT_EQ(record.request.id, "map 0.7");
  ASSERT_EQ(record.request.parts.size(), 1u);
  EXPECT_EQ(record.request.parts[0].kind, Part::Kind::image);
  EXPECT_EQ(features(record).sizes(), at::IntArrayRef({25, 24}));
  EXPECT_EQ(features(record).scalar_type(), at::kFloat);
  ASSERT_EQ(record.references.size(), 1u);
  EXPECT_THAT(record.references[0], testing::MatchesRegex("(an? |perhaps an? ).+"));
  EXPECT_TRUE(record.request.candidates.empty());
}

TEST_F(ClassifierMapsDataset, GivesQuestionsWithTheirKindAndCandidates) {
  const auto dataset = open("", {.with_question = true, .with_candidates = true});
  for (int64_t i = 0; i < 30; ++i) {
    const Record record = dataset->at(i);
    ASSERT_EQ(record.request.parts.size(), 2u);
    EXPECT_TRUE(record.request.parts[1].text.ends_with("?"));
    EXPECT_FALSE(record.kind.empty());
    EXPECT_THAT(record.request.candidates, Contains(record.references.at(0)).Times(1));
  }
  const Record caption = open("", {.with_candidates = true})->at(0);
  EXPECT_THAT(caption.request.candidates, Contains(caption.references.at(0)).Times(1));
}

TEST_F(ClassifierMapsDataset, ConsecutiveRecordsShareAMap) {
  const auto dataset = open(", records_per_picture: 2", {.with_question = true, .records_per_picture = 3});
  const auto address = [&](int64_t index) { return features(dataset->at(index)).const_data_ptr(); };
  const void* first = address(0);
  EXPECT_EQ(address(1), first);
  EXPECT_EQ(address(2), first);
  EXPECT_NE(address(3), first);
  EXPECT_EQ(dataset->at(5).request.id, "map 0.1");
  std::set<std::string> asked;
  for (int64_t i = 0; i < 30; ++i) asked.insert(dataset->at(i).request.parts[1].text);
  EXPECT_GT(asked.size(), 10u);  // consecutive questions differ
}

TEST_F(ClassifierMapsDataset, SeedAndLimitAreThoseOfTheCaller) {
  EXPECT_EQ(open(", size: 5", {.limit = 3})->size(), 3);
  EXPECT_EQ(open(", size: 5", {.limit = 9})->size(), 5);
  const auto of_config = open(", seed: 4"), of_caller = open("", {.seed = 4}), other = open(", seed: 5");
  EXPECT_TRUE(features(of_config->at(3)).equal(features(of_caller->at(3))));
  EXPECT_EQ(of_config->at(3).references, of_caller->at(3).references);
  EXPECT_EQ(of_caller->at(3).request.id, "map 4.3");
  for (int64_t i = 0; i < 5; ++i) EXPECT_FALSE(features(of_config->at(4)).equal(features(other->at(i))));
}

TEST_F(ClassifierMapsDataset, ThreadsAndOtherDatasetsDoNotChangeARecord) {
  const auto dataset = open();
  std::vector<at::Tensor> expected, found(8);
  for (int64_t i = 0; i < 8; ++i) expected.push_back(features(dataset->at(i)));
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < 8; ++i)
    threads.emplace_back([&, i] { found[static_cast<size_t>(i)] = features(dataset->at(i)); });
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < 8; ++i) EXPECT_TRUE(found[i].equal(expected[i]));
  at::Tensor quiet, noisy;
  for (const char* noise : {", noise: 0", ", noise: 9"}) {  // one after the other, at the same seed
    const at::Tensor drawn = features(open(noise)->at(0));
    (quiet.defined() ? noisy : quiet) = drawn;
  }
  EXPECT_FALSE(quiet.equal(noisy));
}

TEST_F(ClassifierMapsDataset, FilesWithoutTheTensorsAreOneError) {
  write_safetensors(folder_ / "maps", {{"feature", test::base_maps()}});
  EXPECT_THAT(error(),
              HasSubstr("`maps` '" + (folder_ / "maps").string() +
                        "' has no tensor 'features'; did you mean 'feature'?; `flam features` writes "
                        "such a file"));
  write_safetensors(folder_ / "maps", {{"features", test::base_maps()}});
  EXPECT_THAT(
      error(", classifier_prefix: fc."),
      AllOf(HasSubstr("`classifier` '" + (folder_ / "classifier").string() + "' has no tensor 'fc.weight'"),
            HasSubstr("set classifier_prefix to the beginning of the names")));
  write_safetensors(folder_ / "classifier",
                    {{"fc.weight", test::classifier_weight()}, {"fc.bias", at::ones({8}, at::kLong)}});
  EXPECT_THAT(error(", classifier_prefix: fc."),
              HasSubstr("the tensor 'fc.bias' holds Long, expected floating-point numbers"));
}

TEST_F(ClassifierMapsDataset, WhatDoesNotFitIsRefused) {
  write_file(folder_ / "classes.tsv", "owl\tbird\n");
  EXPECT_THAT(error(), HasSubstr("has 1 classes, but the classifier has 8"));
  write_safetensors(folder_ / "maps", {{"features", test::base_maps().narrow(1, 0, 20)}});
  EXPECT_THAT(error(), HasSubstr("20 places, which is not a square number"));
}

}  // namespace
}  // namespace flam
