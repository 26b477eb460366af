#include <gmock/gmock.h>

#include "framework/component/resampler.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

const ResamplerInput kSmall{{3, 4, 6, 1}, 5};  // a prefix token and a grid of 4 × 6 tokens of width 3
const ResamplerInput kPlain{{3, 4, 6, 0}, 5};

TEST(PixelShuffle, projects_blocks_of_patches_row_by_row) {
  Built<Resampler> shuffle("{type: pixel_shuffle, factor: 2}", kSmall);
  shuffle.fill_randomly();
  EXPECT_EQ(shuffle->shape().tokens, 6);
  EXPECT_EQ(shuffle->shape().width, 5);
  EXPECT_EQ(shuffle.store.parameter_count(), 12 * 5);
  const at::Tensor tokens = random({2, 3, 1, 25, 3}, 1);
  const at::Tensor media = shuffle->forward({tokens, 4, 6, 1});
  ASSERT_EQ(media.sizes(), at::IntArrayRef({2, 3, 6, 5}));
  const at::Tensor grid = tokens[1][2][0].narrow(0, 1, 24).view({4, 6, 3});
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t column = 0; column < 3; ++column) {
      const at::Tensor block = at::cat({grid[2 * row][2 * column], grid[2 * row][2 * column + 1],
                                        grid[2 * row + 1][2 * column], grid[2 * row + 1][2 * column + 1]});
      EXPECT_TRUE(near(media[1][2][row * 3 + column], at::linear(block, shuffle.weight("layers.0.weight"))))
          << row << " " << column;
    }
  }
}

TEST(PixelShuffle, several_layers_have_an_activation_between_them) {
  Built<Resampler> deep("{type: pixel_shuffle, factor: 2, depth: 2, hidden_size: 7, bias: true}", kPlain);
  Built<Resampler> first("{type: pixel_shuffle, factor: 2, bias: true}", {{3, 4, 6, 0}, 7});
  deep.fill_randomly();
  first.fill_randomly();
  for (const char* leaf : {"weight", "bias"})
    first.weight(std::string("layers.0.") + leaf) = deep.weight(std::string("layers.0.") + leaf);
  const Features features{random({1, 2, 1, 24, 3}, 1), 4, 6, 0};
  const at::Tensor expected = at::linear(at::gelu(first->forward(features)), deep.weight("layers.1.weight"),
                                         deep.weight("layers.1.bias"));
  EXPECT_TRUE(near(deep->forward(features), expected));
}

TEST(PixelShuffle, a_video_is_the_mean_of_its_projected_frames) {
  Built<Resampler> shuffle("{type: pixel_shuffle, depth: 2}", kPlain);
  shuffle.fill_randomly();
  const at::Tensor tokens = random({1, 1, 2, 24, 3}, 1);
  const at::Tensor first = shuffle->forward({tokens.narrow(2, 0, 1), 4, 6, 0});
  const at::Tensor second = shuffle->forward({tokens.narrow(2, 1, 1), 4, 6, 0});
  EXPECT_TRUE(near(shuffle->forward({tokens, 4, 6, 0}), (first + second) / 2));
}

TEST(PixelShuffle, refuses_a_grid_that_is_not_whole_blocks) {
  EXPECT_THAT(error_of([] { Built<Resampler>("{type: pixel_shuffle, factor: 4}", kSmall); }),
              HasSubstr("factor 4 does not divide the backbone's grid of 4 × 6 patches"));
  EXPECT_NE(error_of([] { Built<Resampler>("{type: pixel_shuffle, factor: 0}", kSmall); }), "");
}

TEST(PixelShuffle, runs_on_meta) {
  Built<Resampler> shuffle("{type: pixel_shuffle, factor: 4}", {{768, 32, 32, 0}, 576});
  EXPECT_EQ(shuffle.store.parameter_count(), 7077888);  // SmolVLM-256M's connector
  FlopScope flops;
  const at::Tensor tokens = at::empty({1, 2, 1, 1024, 768}, at::kMeta);
  EXPECT_EQ(shuffle->forward({tokens, 32, 32, 0}).sizes(), at::IntArrayRef({1, 2, 64, 576}));
  EXPECT_EQ(flops.flops(), int64_t{2} * 2 * 64 * 16 * 768 * 576);
}

TEST(PixelShuffle, gradients_reach_every_weight) {
  Built<Resampler> shuffle("{type: pixel_shuffle, depth: 3, hidden_size: 7, bias: true}", kSmall);
  shuffle.fill_randomly();
  shuffle.want_gradients();
  shuffle->forward({random({1, 1, 2, 25, 3}, 1), 4, 6, 1}).square().sum().backward();
  shuffle.expect_gradients();
}

}  // namespace
}  // namespace flam
