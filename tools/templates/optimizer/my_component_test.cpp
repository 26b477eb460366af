#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

TEST(MyComponent, FollowsTheGradientWithMomentum) {
  const Built<Optimizer> optimizer("{type: my_component, momentum: 0.5}");
  std::vector<OptimizedTensor> tensors(1);
  tensors[0].value = at::zeros({2});
  for (const OptimizerState& state : optimizer->state_of(tensors[0]))
    tensors[0].state.push_back(at::zeros(state.shape));
  tensors[0].learning_rate = 0.1;
  for (int64_t step = 1; step <= 2; ++step) {
    tensors[0].gradient = at::ones({2});
    optimizer->step(tensors, step);
  }
  EXPECT_TRUE(near(tensors[0].value, at::ones({2}) * -0.25));  // 0.1 · (1 + 1.5)
}

}  // namespace
}  // namespace flam
