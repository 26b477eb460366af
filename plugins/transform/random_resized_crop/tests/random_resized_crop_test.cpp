#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

/// A picture whose red is the row and whose green is the column.
Pixels places(int64_t height, int64_t width) {
  const at::Tensor rows = at::arange(height, at::kByte).unsqueeze(1).expand({height, width});
  const at::Tensor columns = at::arange(width, at::kByte).expand({height, width});
  return {at::stack({rows, columns, at::zeros_like(rows)}, 2).contiguous()};
}

struct Cut {
  double top, bottom, left, right;
};

/// Where the rows and columns of the result come from: the first and last of each.
Cut cut_of(const at::Tensor& out) {
  const int64_t last = out.size(0) - 1;
  const auto at = [&](int64_t y, int64_t x, int64_t channel) {
    return static_cast<double>(out[y][x][channel].item<uint8_t>());
  };
  return {at(0, 0, 0), at(last, 0, 0), at(0, 0, 1), at(0, last, 1)};
}

TEST(RandomResizedCrop, DrawsAreaRatioAndPlace) {
  const Pixels picture = places(200, 240);
  const Built<Transform> crop(
      "{type: random_resized_crop, size: 40, scale: [0.1, 0.4], ratio: [0.5, 2], interpolation: nearest}");
  double areas = 0, ratios = 0, tops = 0;
  constexpr int kTimes = 400;
  for (int i = 0; i < kTimes; ++i) {
    Random random(i), again(i);
    const at::Tensor out = crop->augment(picture, random).data;
    ASSERT_EQ(out.sizes(), at::IntArrayRef({40, 40, 3}));
    ASSERT_TRUE(out.equal(crop->augment(picture, again).data));
    const Cut cut = cut_of(out);
    // The first and last pixels are half a step of the resized grid inside the rectangle.
    const double height = (cut.bottom - cut.top) * 40 / 39, width = (cut.right - cut.left) * 40 / 39;
    const double area = height * width / (200 * 240), ratio = std::log2(width / height);
    EXPECT_GT(area, 0.09);
    EXPECT_LT(area, 0.42);
    EXPECT_LT(std::abs(ratio), 1.07);
    areas += area / kTimes;
    ratios += ratio / kTimes;
    tops += (cut.top + cut.bottom) / 2 / kTimes;
  }
  EXPECT_NEAR(areas, 0.25, 0.02);  // uniform in area, four standard deviations
  EXPECT_NEAR(ratios, 0, 0.12);    // uniform in the logarithm
  EXPECT_NEAR(tops, 100, 8);
}

TEST(RandomResizedCrop, TakesTheMiddleOutsideTraining) {
  const Built<Transform> crop("{type: random_resized_crop, size: 8, interpolation: nearest}");
  // In range: the whole picture. Too wide: 4/3 of the height. Too tall: 4/3 of the width.
  const Cut whole = cut_of(crop->apply(places(160, 200)).data);
  EXPECT_EQ(whole.top, 10);
  EXPECT_EQ(whole.right, 187);
  const Cut wide = cut_of(crop->apply(places(48, 200)).data);
  EXPECT_EQ(wide.left, 68 + 4);
  EXPECT_EQ(wide.right, 68 + 60);
  const Cut tall = cut_of(crop->apply(places(200, 48)).data);
  EXPECT_EQ(tall.top, 68 + 4);
  EXPECT_EQ(tall.bottom, 68 + 60);
}

TEST(RandomResizedCrop, FallsBackToTheMiddleIfNoRectangleFits) {
  const Built<Transform> crop("{type: random_resized_crop, size: 8, scale: [1, 1], ratio: [1, 1]}");
  const Pixels picture = places(40, 200);
  Random random(3);
  EXPECT_TRUE(crop->augment(picture, random).data.equal(crop->apply(picture).data));
}

TEST(RandomResizedCrop, ChecksItsParameters) {
  for (const char* wrong : {"scale: [0.5]", "scale: [0.5, 0.1]", "scale: [0, 1]", "scale: [0.5, 2]",
                            "ratio: [0, 1]", "ratio: [2, 1]"}) {
    try {
      Built<Transform>{std::string("{type: random_resized_crop, ") + wrong + "}"};
      ADD_FAILURE() << wrong;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), testing::HasSubstr("needs two numbers, the smaller one first"));
    }
  }
}

}  // namespace
}  // namespace flam
