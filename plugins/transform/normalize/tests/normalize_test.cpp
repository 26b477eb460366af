#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(Normalize, SubtractsAndDividesByChannel) {
  at::Tensor picture = at::full({2, 5, 3}, 10, at::kByte);
  picture[1][4][2].fill_(40);
  const auto normalize = Built<Transform>("{type: normalize, mean: [0, 4, 20], std: [1, 2, 5]}");
  const at::Tensor out = normalize->apply({picture}).data;
  ASSERT_EQ(out.sizes(), at::IntArrayRef({3, 2, 5}));
  EXPECT_EQ(out.scalar_type(), at::kFloat);
  EXPECT_TRUE(out.is_contiguous());
  EXPECT_EQ(out[0][0][0].item<float>(), 10);
  EXPECT_EQ(out[1][0][0].item<float>(), 3);
  EXPECT_EQ(out[2][0][0].item<float>(), -2);
  EXPECT_EQ(out[2][1][4].item<float>(), 4);
}

TEST(Normalize, ChecksItsParameters) {
  for (const char* yaml : {"{type: normalize, mean: [1, 2]}", "{type: normalize, std: [1, 0, 1]}",
                           "{type: normalize, std: [1, 1, 1, 1]}", "{type: normalize, mean: [.nan, 0, 0]}"}) {
    EXPECT_THROW(Built<Transform>{yaml}, Error) << yaml;
  }
  EXPECT_THROW(Built<Transform>("{type: normalize}")->apply({at::zeros({3, 4, 4})}), Error);
}

}  // namespace
}  // namespace flam
