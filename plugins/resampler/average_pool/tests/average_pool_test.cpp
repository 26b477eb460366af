#include <gmock/gmock.h>

#include "framework/component/resampler.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

ResamplerInput features_of(int64_t width, int64_t height, int64_t columns, int64_t prefix, int64_t media) {
  return {{width, height, columns, prefix}, media};
}

/// A component whose projection keeps the width, so that its output is the averages themselves.
Built<Resampler> pooling(int64_t num_latents, const ResamplerInput& in) {
  Built<Resampler> pool("{type: average_pool, num_latents: " + std::to_string(num_latents) + "}", in);
  pool.weight("proj.weight") = at::eye(in.features.width);
  pool.weight("proj.bias") = at::zeros({in.features.width});
  return pool;
}

TEST(AveragePool, averages_windows_row_by_row) {
  const auto pool = pooling(4, features_of(1, 4, 4, 0, 1));
  const at::Tensor grid = at::arange(16).to(at::kFloat).view({1, 1, 1, 16, 1});
  EXPECT_TRUE(near(pool->forward({grid, 4, 4, 0}).flatten(), at::tensor({2.5, 4.5, 10.5, 12.5})));
}

TEST(AveragePool, windows_overlap_where_the_grid_does_not_divide) {
  const auto pool = pooling(4, features_of(1, 3, 3, 0, 1));
  const at::Tensor grid = at::arange(9).to(at::kFloat).view({1, 1, 1, 9, 1});
  EXPECT_TRUE(near(pool->forward({grid, 3, 3, 0}).flatten(), at::tensor({2.0, 3.0, 5.0, 6.0})));
  const auto wide = pooling(4, features_of(1, 2, 4, 0, 1));
  const at::Tensor row = at::arange(8).to(at::kFloat).view({1, 1, 1, 8, 1});
  EXPECT_TRUE(near(wide->forward({row, 2, 4, 0}).flatten(), at::tensor({0.5, 2.5, 4.5, 6.5})));
}

TEST(AveragePool, averages_frames_and_leaves_the_prefix_out) {
  const auto pool = pooling(4, features_of(3, 4, 4, 2, 3));
  const at::Tensor tokens = random({2, 2, 3, 18, 3}, 1);
  const at::Tensor all = pool->forward({tokens, 4, 4, 2});
  at::Tensor mean = at::zeros({2, 2, 4, 3});
  for (int64_t frame = 0; frame < 3; ++frame)
    mean = mean + pool->forward({tokens.narrow(2, frame, 1), 4, 4, 2}) / 3;
  EXPECT_TRUE(near(all, mean));
  at::Tensor other = tokens.clone();
  other.narrow(3, 0, 2).fill_(100);
  EXPECT_TRUE(near(pool->forward({other, 4, 4, 2}), all));
}

TEST(AveragePool, projects_to_the_requested_width_and_keeps_images_separate) {
  Built<Resampler> pool("{type: average_pool, num_latents: 4}", features_of(6, 4, 4, 0, 10));
  pool.fill_randomly();
  EXPECT_EQ(pool->shape().tokens, 4);
  EXPECT_EQ(pool->shape().width, 10);
  const at::Tensor tokens = random({2, 3, 1, 16, 6}, 1);
  const at::Tensor all = pool->forward({tokens, 4, 4, 0});
  EXPECT_EQ(all.sizes(), at::IntArrayRef({2, 3, 4, 10}));
  const at::Tensor windows = tokens.view({2, 3, 2, 2, 2, 2, 6}).mean({3, 5}).view({2, 3, 4, 6});
  EXPECT_TRUE(near(all, at::linear(windows, pool.weight("proj.weight"), pool.weight("proj.bias"))));
  EXPECT_TRUE(near(pool->forward({tokens.narrow(0, 1, 1).narrow(1, 2, 1), 4, 4, 0})[0][0], all[1][2]));
}

TEST(AveragePool, errors_say_what_does_not_fit_the_grid) {
  const auto building = [](const std::string& latents) {
    return error_of([&] {
      Built<Resampler> pool("{type: average_pool, num_latents: " + latents + "}", features_of(6, 4, 5, 0, 6));
    });
  };
  EXPECT_THAT(building("12"),
              HasSubstr("num_latents is 12, which is not a square number; the nearest are 9 and 16"));
  EXPECT_THAT(building("25"), HasSubstr("only 4 × 5 patches; set at most 16"));
  EXPECT_EQ(building("16"), "");
}

TEST(AveragePool, runs_on_meta) {
  Built<Resampler> pool("{type: average_pool}", features_of(1024, 16, 16, 1, 1024));
  EXPECT_EQ(pool.store.parameter_count(), 1024 * 1024 + 1024);
  FlopScope flops;
  const at::Tensor tokens = at::empty({1, 1, 2, 257, 1024}, at::kMeta);
  EXPECT_EQ(pool->forward({tokens, 16, 16, 1}).sizes(), at::IntArrayRef({1, 1, 64, 1024}));
  EXPECT_EQ(flops.flops(), 2 * 64 * 1024 * 1024);
}

TEST(AveragePool, gradients_reach_every_weight) {
  Built<Resampler> pool("{type: average_pool, num_latents: 4}", features_of(6, 3, 3, 1, 5));
  pool.fill_randomly();
  pool.want_gradients();
  pool->forward({random({1, 1, 2, 10, 6}, 1), 3, 3, 1}).square().sum().backward();
  pool.expect_gradients();
}

}  // namespace
}  // namespace flam
