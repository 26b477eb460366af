#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(RandomHorizontalFlip, MirrorsWithTheProbability) {
  const Pixels picture{at::arange(24, at::kByte).view({2, 4, 3})};
  const Built<Transform> flip("{type: random_horizontal_flip, p: 0.3}");
  int mirrored = 0;
  constexpr int kTimes = 2000;
  for (int i = 0; i < kTimes; ++i) {
    Random random(i), again(i);
    const at::Tensor out = flip->augment(picture, random).data;
    EXPECT_TRUE(out.equal(flip->augment(picture, again).data));
    if (out.equal(picture.data)) continue;
    EXPECT_TRUE(out.equal(picture.data.flip({1})));
    ++mirrored;
  }
  EXPECT_NEAR(mirrored / double{kTimes}, 0.3, 0.04);  // four standard deviations
}

TEST(RandomHorizontalFlip, DoesNothingOutsideTraining) {
  const Pixels picture{at::arange(24, at::kByte).view({2, 4, 3})};
  const Built<Transform> flip("{type: random_horizontal_flip, p: 1}");
  EXPECT_TRUE(flip->apply(picture).data.equal(picture.data));
  Random random(1);
  EXPECT_TRUE(flip->augment(picture, random).data.equal(picture.data.flip({1})));
}

}  // namespace
}  // namespace flam
