#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

// Two media tokens of width 5 per image, and a decoder of 4 layers and width 6.
const AdapterInput kInput{{2, 5}, 6, 4};

TEST(MyComponent, ShapesOnMeta) {
  const Built<Adapter> adapter("{type: my_component, every_n_layers: 2}", kInput);
  EXPECT_EQ(adapter->layers(), (std::vector<int64_t>{0, 2}));
  const auto meta = at::TensorOptions().device(at::kMeta);
  const auto state = adapter->prepare(at::empty({1, 3, 2, 5}, meta));
  const Visibility visibility{at::empty({2, 4}, meta.dtype(at::kLong)), false};
  EXPECT_EQ(adapter->before_layer(2, at::empty({2, 4, 6}, meta), visibility, *state).sizes(),
            at::IntArrayRef({2, 4, 6}));
}

TEST(MyComponent, ForwardAndGradients) {
  Built<Adapter> adapter("{type: my_component}", kInput);
  adapter.fill_randomly();
  adapter.want_gradients();
  const at::Tensor hidden = random({1, 4, 6}, 1), media = random({1, 3, 2, 5}, 2);
  const auto state = adapter->prepare(media);
  // The tokens see nothing and image 1, 2, 3.
  const Visibility visibility{at::arange(4, at::kLong).unsqueeze(0), false};
  at::Tensor x = hidden;
  for (const int64_t layer : adapter->layers()) x = adapter->before_layer(layer, x, visibility, *state);
  EXPECT_TRUE(at::equal(x[0][0], hidden[0][0]));
  EXPECT_FALSE(near(x[0][1], hidden[0][1]));
  x.square().sum().backward();
  adapter.expect_gradients();
}

TEST(MyComponent, ClosedGatesChangeNothing) {
  Built<Adapter> adapter("{type: my_component}", kInput);
  adapter.store.initialise(at::kCPU, at::kFloat, /*seed=*/1);
  const at::Tensor hidden = random({1, 4, 6}, 1);
  const auto state = adapter->prepare(random({1, 3, 2, 5}, 2));
  const Visibility visibility{at::arange(4, at::kLong).unsqueeze(0), false};
  EXPECT_TRUE(at::equal(adapter->before_layer(0, hidden, visibility, *state), hidden));
}

}  // namespace
}  // namespace flam
