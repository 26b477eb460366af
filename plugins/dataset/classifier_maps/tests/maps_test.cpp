#include "plugins/dataset/classifier_maps/maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "plugins/dataset/classifier_maps/tests/made_up.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::base_maps;
using test::classifier_bias;
using test::classifier_weight;
using test::error_of;
using test::made_up_maps;
using testing::HasSubstr;

constexpr uint64_t kDraws = 200;

TEST(ClassifierMaps, ShowTheClassifierItsFirstChoice) {
  const ClassifierMaps maps = made_up_maps({.two_objects = 0});
  std::vector<int64_t> seen(8);
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const FeatureMap map = maps.draw(seed);
    ASSERT_EQ(map.features.sizes(), at::IntArrayRef({25, 24}));
    ASSERT_EQ(map.objects.size(), 1u);
    const at::Tensor logits = maps.logits(map.features);
    EXPECT_EQ(logits.argmax().item<int64_t>(), map.objects[0].label) << seed;
    EXPECT_EQ(map.likely[0], map.objects[0].label);
    EXPECT_EQ(logits.index_fill(0, at::tensor({map.likely[0]}), -1e9).argmax().item<int64_t>(),
              map.likely[1]);
    EXPECT_NEAR(map.confidence, logits.softmax(0)[map.likely[0]].item<double>(), 1e-6);
    ++seen[static_cast<size_t>(map.objects[0].label)];
  }
  for (const int64_t count : seen) EXPECT_GT(count, 5);  // of about 25
}

TEST(ClassifierMaps, LogitsAreTheClassifiersOnTheMean) {
  const at::Tensor map = base_maps()[3];
  EXPECT_TRUE(
      near(made_up_maps().logits(map), at::matmul(classifier_weight(), map.mean(0)) + classifier_bias()));
}

TEST(ClassifierMaps, HaveValuesOfFeatures) {
  const ClassifierMaps maps = made_up_maps({.two_objects = 0.5, .noise = 2});
  const float most = base_maps().max().item<float>();
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const at::Tensor features = maps.draw(seed).features;
    EXPECT_GE(features.min().item<float>(), 0);
    EXPECT_LE(features.max().item<float>(), most);
    EXPECT_GT(features.std().item<float>(), 0);
  }
}

TEST(ClassifierMaps, DependOnTheSeedAlone) {
  const ClassifierMaps maps = made_up_maps(), again = made_up_maps();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const FeatureMap map = maps.draw(seed);
    EXPECT_TRUE(map.features.equal(again.draw(seed).features));
    EXPECT_FALSE(map.features.equal(maps.draw(seed + 1).features));
  }
}

TEST(ClassifierMaps, ShowTwoObjectsSideBySide) {
  const ClassifierMaps maps = made_up_maps({.two_objects = 1, .noise = 0});
  int both_likely = 0;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const FeatureMap map = maps.draw(seed);
    ASSERT_EQ(map.objects.size(), 2u);
    EXPECT_GE(map.objects[1].x - map.objects[0].x, 0.3 - 1e-9) << seed;
    EXPECT_NE(map.objects[0].label, map.objects[1].label);
    std::vector<int64_t> labels = {map.objects[0].label, map.objects[1].label};
    both_likely += std::ranges::is_permutation(labels, map.likely);
  }
  EXPECT_GT(both_likely, kDraws * 3 / 4);
}

TEST(ClassifierMaps, ShowAnObjectWhereItIsSaidToBe) {
  const ClassifierMaps maps = made_up_maps({.two_objects = 1, .unclear = 0, .noise = 0});
  int right = 0;
  for (uint64_t seed = 0; seed < kDraws; ++seed) {
    const FeatureMap map = maps.draw(seed);
    const at::Tensor columns = map.features.view({5, 5, 24}).mean(0);  // [5,24], left to right
    const at::Tensor logits = at::matmul(columns, classifier_weight().t());
    const at::Tensor lead = logits.select(1, map.objects[0].label) - logits.select(1, map.objects[1].label);
    right += lead[0].item<float>() > lead[4].item<float>();
  }
  EXPECT_GT(right, kDraws * 9 / 10);
}

TEST(ClassifierMaps, WrongInputsAreOneErrorEach) {
  const auto error = [](const at::Tensor& base, const at::Tensor& weight, const at::Tensor& bias,
                        const MapOptions& options = {}) {
    return error_of([&] { ClassifierMaps(base, weight, bias, options); });
  };
  const at::Tensor base = base_maps(), weight = classifier_weight(), bias = classifier_bias();
  EXPECT_EQ(error(base, weight, bias), "");
  EXPECT_EQ(error(base.narrow(1, 0, 24), weight, bias),
            "base maps [40, 24, 24] have 24 places, which is not a square number; expected a square grid "
            "without prefix tokens");
  EXPECT_EQ(error(base, weight.narrow(1, 0, 20), bias),
            "base maps [40, 25, 24], weight [8, 20] and bias [8] don't fit; expected [N,P,D], [C,D] and [C]");
  EXPECT_THAT(error(base, weight, bias.narrow(0, 0, 7)), HasSubstr("and bias [7] don't fit"));
  EXPECT_THAT(error(base[0], weight, bias), HasSubstr("base maps [25, 24], "));
  EXPECT_EQ(error(base.narrow(0, 0, 1), weight, bias),
            "expected at least two base maps and 3 classes (2 with two_objects: 0), found 1 and 8");
  const at::Tensor two = weight.narrow(0, 0, 2), two_biases = bias.narrow(0, 0, 2);
  EXPECT_THAT(error(base, two, two_biases), HasSubstr("found 40 and 2"));
  EXPECT_EQ(error(base, two, two_biases, {.two_objects = 0}), "");
  EXPECT_THAT(error(base - 1, weight, bias), HasSubstr("have negative values or NaN"));
  EXPECT_THAT(error(base * std::numeric_limits<float>::quiet_NaN(), weight, bias), HasSubstr("or NaN"));
  EXPECT_EQ(
      error(base, weight.mean(0, true).expand({8, 24}), bias),
      "class 0 of the classifier can't be told from the others: its weights equal their mean, or are not "
      "finite");
}

}  // namespace
}  // namespace flam
