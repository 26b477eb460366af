#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

/// The first row and column of a crop from a picture [height,width].
std::pair<int64_t, int64_t> offset(int64_t height, int64_t width, const char* yaml) {
  at::Tensor places =
      at::arange(height * width, at::kByte).view({height, width, 1}).expand({height, width, 3});
  const int64_t first = Built<Transform>(yaml)->apply({places}).data[0][0][0].item<int64_t>();
  return {first / width, first % width};
}

TEST(CenterCrop, RoundsHalvesToEven) {
  const char* yaml = "{type: center_crop, size: 4}";
  EXPECT_EQ(offset(4, 5, yaml), std::pair(0L, 0L));   // 0.5 → 0
  EXPECT_EQ(offset(7, 9, yaml), std::pair(2L, 2L));   // 1.5 → 2, 2.5 → 2
  EXPECT_EQ(offset(6, 11, yaml), std::pair(1L, 4L));  // 1, 3.5 → 4
}

TEST(CenterCrop, RoundsDownIfAsked) {
  const char* yaml = "{type: center_crop, size: 4, offset_rounding: down}";
  EXPECT_EQ(offset(4, 5, yaml), std::pair(0L, 0L));   // 0.5
  EXPECT_EQ(offset(7, 9, yaml), std::pair(1L, 2L));   // 1.5, 2.5
  EXPECT_EQ(offset(6, 11, yaml), std::pair(1L, 3L));  // 1, 3.5
}

TEST(CenterCrop, DoesNotPadASmallerPicture) {
  const auto crop = Built<Transform>("{type: center_crop, size: 4}");
  EXPECT_EQ(crop->apply({at::zeros({3, 9, 3}, at::kByte)}).data.sizes(), at::IntArrayRef({3, 4, 3}));
}

TEST(CenterCrop, RefusesNormalisedPixels) {
  EXPECT_THROW(Built<Transform>("{type: center_crop}")->apply({at::zeros({3, 300, 300})}), Error);
}

}  // namespace
}  // namespace flam
