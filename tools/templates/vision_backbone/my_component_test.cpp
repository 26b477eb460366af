#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(MyComponent, ShapesOnMeta) {
  const Built<VisionBackbone> backbone("{type: my_component}");
  const FeatureShape shape = backbone->shape();
  const int64_t size = backbone->image_size();
  const Features features = backbone->forward(at::empty({2, 3, size, size}, at::kMeta));
  EXPECT_EQ(features.tokens.sizes(), at::IntArrayRef({2, shape.tokens(), shape.width}));
}

TEST(MyComponent, ForwardAndGradients) {
  Built<VisionBackbone> backbone("{type: my_component, image_size: 12, patch_size: 4, hidden_size: 8}");
  backbone.fill_randomly();
  backbone.want_gradients();
  const at::Tensor pixels = random({2, 3, 12, 12}, 1);
  const at::Tensor tokens = backbone->forward(pixels).tokens;
  EXPECT_EQ(tokens.sizes(), at::IntArrayRef({2, 9, 8}));
  EXPECT_TRUE(near(backbone->forward(pixels.narrow(0, 1, 1)).tokens[0], tokens[1]));
  tokens.square().sum().backward();
  backbone.expect_gradients();
}

TEST(MyComponent, ChecksItsParameters) {
  EXPECT_THROW(Built<VisionBackbone>("{type: my_component, image_size: 13, patch_size: 4}"), Error);
}

}  // namespace
}  // namespace flam
