#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

std::vector<int64_t> size_after(const char* yaml, int64_t height, int64_t width) {
  return Built<Transform>(yaml)->apply({at::zeros({height, width, 3}, at::kByte)}).data.sizes().vec();
}

using Size = std::vector<int64_t>;

TEST(ResizeEdge, GivesTheShortEdgeTheLengthAndTruncatesTheOther) {
  const char* yaml = "{type: resize_edge, edge: 56}";
  EXPECT_EQ(size_after(yaml, 211, 37), (Size{319, 56, 3}));  // 319.35
  EXPECT_EQ(size_after(yaml, 37, 211), (Size{56, 319, 3}));
  EXPECT_EQ(size_after(yaml, 100, 100), (Size{56, 56, 3}));
  EXPECT_EQ(size_after(yaml, 1, 1), (Size{56, 56, 3}));
  EXPECT_EQ(size_after(yaml, 1, 1000), (Size{56, 56000, 3}));
}

TEST(ResizeEdge, GivesTheLongEdgeTheLength) {
  const char* yaml = "{type: resize_edge, edge: 56, which: long, interpolation: nearest}";
  EXPECT_EQ(size_after(yaml, 211, 37), (Size{56, 9, 3}));
  EXPECT_EQ(size_after(yaml, 37, 211), (Size{9, 56, 3}));
}

TEST(ResizeEdge, RefusesImpossibleSizes) {
  EXPECT_THROW(size_after("{type: resize_edge, edge: 56, which: long}", 1, 1000), Error);  // height 0
  EXPECT_THROW(size_after("{type: resize_edge}", 1, 10'000'000), Error);                   // too many pixels
  EXPECT_THROW(Built<Transform>("{type: resize_edge, edge: 0}"), Error);
  EXPECT_THROW(Built<Transform>("{type: resize_edge, which: middle}"), Error);
  EXPECT_THROW(Built<Transform>("{type: resize_edge, interpolation: box}"), Error);
}

}  // namespace
}  // namespace flam
