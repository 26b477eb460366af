#include "framework/component/transform.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

at::Tensor picture(int64_t height, int64_t width) {
  at::manual_seed(1);
  return at::randint(256, {height, width, 3}, at::kByte);
}

TEST(ResizeLongestEdge, resizes_once_or_twice_and_enlarges_too) {
  const auto once = Built<Transform>("{type: resize_longest_edge, longest_edge: 60}");
  const auto twice = Built<Transform>("{type: resize_longest_edge, longest_edge: 60, tile_size: 20}");
  const at::Tensor small = picture(13, 21);
  const at::Tensor first = once->apply({small}).data;  // 60 · 13 / 21 = 37.1, raised to 38
  EXPECT_TRUE(first.equal(resize_like_pillow(small, 38, 60, Interpolation::lanczos)));
  EXPECT_TRUE(twice->apply({small}).data.equal(resize_like_pillow(first, 40, 60, Interpolation::lanczos)));
}

TEST(ResizeLongestEdge, takes_the_interpolation_and_the_order_of_passes) {
  const at::Tensor tall = picture(150, 40);
  for (const char* order : {"horizontal_first", "adaptive"}) {
    const auto resize =
        Built<Transform>(std::string("{type: resize_longest_edge, longest_edge: 60, interpolation: "
                                     "bicubic, pass_order: ") +
                         order + "}");
    const PassOrder expected =
        std::string(order) == "adaptive" ? PassOrder::adaptive : PassOrder::horizontal_first;
    EXPECT_TRUE(
        resize->apply({tall}).data.equal(resize_like_pillow(tall, 60, 16, Interpolation::bicubic, expected)));
  }
}

TEST(ResizeLongestEdge, refuses_impossible_sizes) {
  EXPECT_THROW(Built<Transform>("{type: resize_longest_edge, longest_edge: 0}"), Error);
  EXPECT_THROW(Built<Transform>("{type: resize_longest_edge, tile_size: 0}"), Error);
  EXPECT_THROW(Built<Transform>("{type: resize_longest_edge}")->apply({at::zeros({3, 4, 4})}), Error);
}

}  // namespace
}  // namespace flam
