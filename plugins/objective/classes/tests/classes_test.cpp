#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/component/given_batch.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::HasSubstr;

Objective::Input input() {
  Objective::Input in;
  in.features = {3, 2, 2, 0};
  in.media = {1, 4};
  in.tasks = {"caption"};
  in.media_label_classes = {3};
  in.pictures = 4;
  return in;
}

TEST(Classes, IsTheLikelihoodOfTheClassOfEachPicture) {
  const Built<Objective> classes("{type: classes}", input());
  const GivenBatch batch(GivenBatch::random(input(), 1));
  const at::Tensor probabilities = batch.media_stage("class_probabilities");
  double expected = 0;
  for (int64_t n = 0; n < 4; ++n) {
    const int64_t label = batch.record_of(n).media_labels[0][0].item<int64_t>();
    expected -= std::log(probabilities[n][0][0][0][label].item<double>()) / 4;
  }
  EXPECT_NEAR(classes->losses(batch).at(0).item<double>(), expected, 1e-5);
}

TEST(Classes, AResamplerWithoutAClassifierIsAnError) {
  const Built<Objective> classes("{type: classes}", input());
  GivenBatch::Given given = GivenBatch::random(input(), 1);
  given.stages.clear();
  EXPECT_THAT(test::error_of([&] { classes->losses(GivenBatch(given)); }),
              HasSubstr("set model.resampler to {type: classifier_tokens, num_classes: 3}"));
}

}  // namespace
}  // namespace flam
