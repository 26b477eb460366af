#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/component/given_batch.h"
#include "framework/testing/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Objective::Input input() {
  Objective::Input in;
  in.features = {3, 2, 2, 1};
  in.media = {5, 4};
  in.tasks = {"caption"};
  in.patch_label_classes = {3, 2};
  in.media_label_classes = {4};
  in.pictures = 2;
  return in;
}

/// −log softmax(head · token)[label] of one token.
double cross_entropy(const at::Tensor& head, const at::Tensor& token, int64_t label) {
  double sum = 0;
  const at::Tensor logits = head.matmul(token).to(at::kDouble);
  for (int64_t c = 0; c < logits.size(0); ++c) sum += std::exp(logits[c].item<double>());
  return std::log(sum) - logits[label].item<double>();
}

TEST(Labels, EqualTheirFormula) {
  Built<Objective> labels("{type: labels}", input());
  labels.fill_randomly();
  const GivenBatch batch(GivenBatch::random(input(), 1));
  EXPECT_THAT(labels->names(), ElementsAre("patches", "media"));
  double patches = 0, media = 0;
  for (int64_t n = 0; n < 2; ++n) {
    const Record& record = batch.record_of(n);
    for (int64_t g = 0; g < 4; ++g) {
      for (int64_t k = 0; k < 2; ++k)
        patches +=
            cross_entropy(labels.weight(k == 0 ? "patch.0" : "patch.1"), batch.features().tokens[n][g + 1],
                          record.patch_labels[g][k].item<int64_t>()) /
            8;
    }
    media += cross_entropy(labels.weight("media.0"), batch.media()[n][0][0],
                           record.media_labels[0][0].item<int64_t>()) /
             2;
  }
  const std::vector<at::Tensor> losses = labels->losses(batch);
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_NEAR(losses[0].item<double>(), patches, 1e-5);
  EXPECT_NEAR(losses[1].item<double>(), media, 1e-5);
  EXPECT_FALSE(labels->needs_text());
}

TEST(Labels, DatasetsWithoutThemAreAnError) {
  const auto error = [](const Objective::Input& in) {
    return test::error_of([&] { const Built<Objective> labels("{type: labels}", in); });
  };
  Objective::Input in = input();
  in.from_features = true;
  EXPECT_THAT(error(in), HasSubstr("the labels of patches train the backbone, which doesn't run"));
  in.patch_label_classes.clear();
  EXPECT_EQ(error(in), "");
  in.media_label_classes.clear();
  EXPECT_THAT(error(in), HasSubstr("needs classes of patches or media tokens, but the dataset gives none"));
}

}  // namespace
}  // namespace flam
