// AdamW against its formulas, clipping, and the sums of micro-batches' gradients.
#include "framework/train/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

namespace flam {
namespace {

TrainedTensor trained(const at::Tensor& value, double rate) {
  TrainedTensor out;
  out.name = "t";
  out.value = value.set_requires_grad(true);
  out.learning_rate = rate;
  return out;
}

std::vector<double> numbers(const at::Tensor& tensor) {
  std::vector<double> out;
  const at::Tensor flat = tensor.detach().flatten().to(at::kDouble);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat[i].item<double>());
  return out;
}

/// AdamW of one number (Loshchilov & Hutter 2019, algorithm 2, with the rate of weight decay multiplied by
/// the learning rate).
struct Reference {
  double value, first = 0, second = 0;
  int steps = 0;
  void step(double gradient, double rate, double decay, const TrainConfig& config) {
    ++steps;
    first = config.beta1 * first + (1 - config.beta1) * gradient;
    second = config.beta2 * second + (1 - config.beta2) * gradient * gradient;
    const double mean = first / (1 - std::pow(config.beta1, steps));
    const double square = second / (1 - std::pow(config.beta2, steps));
    value = value * (1 - rate * decay) - rate * mean / (std::sqrt(square) + 1e-8);
  }
};

TEST(OptimizerTest, AdamWEqualsItsFormulas) {
  TrainConfig config;
  config.weight_decay = 0.1;
  config.max_grad_norm = 0;
  // Weight decay is for matrices only.
  Optimizer optimizer(config, {trained(at::tensor({1.0, -2.0}).view({1, 2}).to(at::kFloat), 0.01),
                               trained(at::tensor({0.5, 3.0}).to(at::kFloat), 0.02)});
  Reference matrix[] = {{1.0}, {-2.0}}, vector[] = {{0.5}, {3.0}};
  for (int step = 0; step < 4; ++step) {
    const double g[] = {0.3 + step, -0.7, 2.0 - step, 0.1};
    optimizer.add_gradients(
        {at::tensor({g[0], g[1]}).view({1, 2}).to(at::kFloat), at::tensor({g[2], g[3]}).to(at::kFloat)});
    optimizer.step(/*scale=*/0.5, /*gradient_norm=*/1);
    for (int i = 0; i < 2; ++i) {
      matrix[i].step(g[i], 0.005, config.weight_decay, config);
      vector[i].step(g[2 + i], 0.01, 0, config);
      EXPECT_NEAR(numbers(optimizer.tensors()[0].value)[i], matrix[i].value, 1e-6) << step;
      EXPECT_NEAR(numbers(optimizer.tensors()[1].value)[i], vector[i].value, 1e-6) << step;
    }
  }
}

TEST(OptimizerTest, LargeGradientsAreScaledDownToTheNormOfTheConfig) {
  TrainConfig config;
  config.max_grad_norm = 2;
  config.weight_decay = 0;
  const auto after = [&](const at::Tensor& gradient, double norm) {
    Optimizer optimizer(config, {trained(at::zeros({2}), 0.1)});
    // The second step shows the size of the first gradient, too; AdamW's first step has the size of the rate.
    optimizer.add_gradients({gradient});
    optimizer.step(1, norm);
    optimizer.add_gradients({at::ones({2})});
    optimizer.step(1, std::sqrt(2.0));
    return numbers(optimizer.tensors()[0].value);
  };
  const at::Tensor large = at::tensor({6.0, 8.0}).to(at::kFloat);
  const auto clipped = after(large, 10), scaled = after(large * 0.2, 2), whole = after(large, 1);
  for (int i = 0; i < 2; ++i) EXPECT_NEAR(clipped[i], scaled[i], 1e-6);
  EXPECT_GT(std::abs(clipped[0] - whole[0]), 1e-3);
}

TEST(OptimizerTest, GradientsOfMicroBatchesAreSummed) {
  TrainConfig config;
  Optimizer optimizer(config, {trained(at::zeros({2}), 0.1), trained(at::zeros({3}), 0.1)});
  // The first of these shares its memory, as the gradient of a sum does.
  const at::Tensor one = at::ones({1}).expand({2});
  optimizer.add_gradients({one, at::Tensor()});
  optimizer.add_gradients({at::tensor({3.0, 5.0}).to(at::kFloat), at::ones({3})});
  optimizer.divide_gradients(2);
  EXPECT_EQ(numbers(optimizer.tensors()[0].value.grad()), (std::vector<double>{2, 3}));
  EXPECT_EQ(numbers(optimizer.tensors()[1].value.grad()), (std::vector<double>{0.5, 0.5, 0.5}));
  EXPECT_EQ(numbers(one), (std::vector<double>{1, 1}));
  EXPECT_EQ(numbers(optimizer.squared_norms()), (std::vector<double>{13, 0.75}));
  optimizer.step(1, std::sqrt(13.75));
  EXPECT_FALSE(optimizer.tensors()[0].value.grad().defined()) << "a step clears the gradients";
}

}  // namespace
}  // namespace flam
