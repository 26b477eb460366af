#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/component/optimizer.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

/// AdamW of one number (Loshchilov & Hutter 2019, algorithm 2, with the rate of weight decay multiplied by
/// the learning rate).
struct Reference {
  double value, first = 0, second = 0;
  int steps = 0;
  void step(double gradient, double rate, double decay) {
    ++steps;
    first = 0.8 * first + 0.2 * gradient;
    second = 0.95 * second + 0.05 * gradient * gradient;
    const double mean = first / (1 - std::pow(0.8, steps)), square = second / (1 - std::pow(0.95, steps));
    value = value * (1 - rate * decay) - rate * mean / (std::sqrt(square) + 1e-3);
  }
};

TEST(AdamW, EqualsItsFormulas) {
  const Built<Optimizer> adamw("{type: adamw, beta1: 0.8, beta2: 0.95, eps: 1e-3}");
  std::vector<OptimizedTensor> tensors(2);
  tensors[0].value = at::tensor({1.0, -2.0}).to(at::kFloat);
  tensors[1].value = at::tensor({0.5, 3.0}).to(at::kFloat);
  for (OptimizedTensor& tensor : tensors) {
    for (const OptimizerState& state : adamw->state_of(tensor)) {
      EXPECT_EQ(state.shape, (std::vector<int64_t>{2})) << state.name;
      tensor.state.push_back(at::zeros(state.shape));
    }
  }
  Reference numbers[] = {{1.0}, {-2.0}, {0.5}, {3.0}};
  for (int step = 1; step <= 4; ++step) {
    const double gradients[] = {0.3 + step, -0.7, 2.0 - step, 0.1};
    for (int t = 0; t < 2; ++t) {
      tensors[t].gradient = at::tensor({gradients[2 * t], gradients[2 * t + 1]}).to(at::kFloat);
      tensors[t].learning_rate = 0.01 * (t + 1);
      tensors[t].weight_decay = 0.1 * t;
    }
    adamw->step(tensors, step);
    for (int i = 0; i < 4; ++i) {
      numbers[i].step(gradients[i], 0.01 * (i / 2 + 1), 0.1 * (i / 2));
      EXPECT_NEAR(tensors[i / 2].value[i % 2].item<double>(), numbers[i].value, 1e-6) << step;
    }
  }
}

}  // namespace
}  // namespace flam
