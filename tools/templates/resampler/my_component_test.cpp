#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

// Features of width 6 on a grid of 2 × 2 patches, media tokens of width 8.
const ResamplerInput kInput{{6, 2, 2, 0}, 8};

TEST(MyComponent, ShapesOnMeta) {
  const Built<Resampler> resampler("{type: my_component}", kInput);
  const MediaShape shape = resampler->shape();
  const at::Tensor media = resampler->forward({at::empty({2, 3, 1, 4, 6}, at::kMeta), 2, 2, 0});
  EXPECT_EQ(media.sizes(), at::IntArrayRef({2, 3, shape.tokens, shape.width}));
}

TEST(MyComponent, ForwardAndGradients) {
  Built<Resampler> resampler("{type: my_component, num_latents: 5}", kInput);
  resampler.fill_randomly();
  resampler.want_gradients();
  const at::Tensor tokens = random({2, 3, 2, 4, 6}, 1);
  const at::Tensor media = resampler->forward({tokens, 2, 2, 0});
  EXPECT_EQ(media.sizes(), at::IntArrayRef({2, 3, 5, 8}));
  const at::Tensor one = resampler->forward({tokens.narrow(0, 1, 1).narrow(1, 2, 1), 2, 2, 0});
  EXPECT_TRUE(near(one[0][0], media[1][2]));
  media.square().sum().backward();
  resampler.expect_gradients();
}

}  // namespace
}  // namespace flam
