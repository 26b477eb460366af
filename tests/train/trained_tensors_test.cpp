// Clipping, averages, the sums of micro-batches' gradients, and the optimiser's state.
#include "framework/train/trained_tensors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace flam {
namespace {

/// Steps by the gradient, and counts its steps.
class Descent : public Optimizer {
 public:
  std::vector<OptimizerState> state_of(const OptimizedTensor&) const override { return {{"steps", {1}}}; }
  void step(std::vector<OptimizedTensor>& tensors, int64_t step) const override {
    for (OptimizedTensor& tensor : tensors) {
      tensor.value.sub_(tensor.gradient, tensor.learning_rate);
      tensor.state[0].add_(1);
      EXPECT_EQ(tensor.state[0].item<double>(), static_cast<double>(step));
    }
  }
};

TrainedTensor trained(const at::Tensor& value, double rate, const std::string& name = "t") {
  TrainedTensor out;
  out.base.name = name;
  out.base.value = value.set_requires_grad(true);
  out.base.learning_rate = rate;
  return out;
}

std::vector<double> numbers(const at::Tensor& tensor) {
  std::vector<double> out;
  const at::Tensor flat = tensor.detach().flatten().to(at::kDouble);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat[i].item<double>());
  return out;
}

at::Tensor floats(std::initializer_list<double> values) {
  return at::tensor(at::ArrayRef<double>(values)).to(at::kFloat);
}

TEST(TrainedTensors, LargeGradientsAreScaledDownToTheNormOfTheConfig) {
  TrainConfig config;
  config.max_grad_norm = 2;
  const Descent descent;
  const auto after = [&](double norm) {
    TrainedTensors tensors(config, descent, {trained(at::zeros({2}), 0.1)});
    tensors.add_gradients({floats({6, 8})});
    tensors.step(/*scale=*/0.5, norm);
    return numbers(tensors.tensors()[0].base.value);
  };
  EXPECT_NEAR(after(10)[0], -0.05 * 6 / 5, 1e-6);
  EXPECT_NEAR(after(1)[1], -0.05 * 8, 1e-6);
  config.max_grad_norm = 0;
  EXPECT_NEAR(after(10)[0], -0.05 * 6, 1e-6);
}

TEST(TrainedTensors, GradientsOfMicroBatchesAreSummed) {
  TrainConfig config;
  const Descent descent;
  TrainedTensors tensors(config, descent, {trained(at::zeros({2}), 0.1), trained(at::zeros({3}), 0.1)});
  // The first of these shares its memory, as the gradient of a sum does.
  const at::Tensor one = at::ones({1}).expand({2});
  tensors.add_gradients({one, at::Tensor()});
  tensors.add_gradients({floats({3, 5}), at::ones({3})});
  tensors.divide_gradients(2);
  EXPECT_EQ(numbers(tensors.tensors()[0].base.value.grad()), (std::vector<double>{2, 3}));
  EXPECT_EQ(numbers(tensors.tensors()[1].base.value.grad()), (std::vector<double>{0.5, 0.5, 0.5}));
  EXPECT_EQ(numbers(one), (std::vector<double>{1, 1}));
  EXPECT_EQ(numbers(tensors.squared_norms()), (std::vector<double>{13, 0.75}));
  tensors.step(1, std::sqrt(13.75));
  EXPECT_FALSE(tensors.tensors()[0].base.value.grad().defined()) << "a step clears the gradients";
}

TEST(TrainedTensors, StateAndAveragesAreRestored) {
  TrainConfig config;
  config.ema_decay = 0.5;
  const Descent descent;
  TrainedTensors tensors(config, descent, {trained(at::zeros({1}), 1, "a"), trained(at::zeros({1}), 1, "b")});
  const auto step = [&](TrainedTensors& of) {
    of.add_gradients({floats({1}), floats({2})});
    of.step(1, 0);
  };
  step(tensors);
  std::map<std::string, at::Tensor> stored;
  for (const auto& [name, tensor] : tensors.state()) stored[name] = tensor.clone();
  EXPECT_EQ(stored.size(), 4u);
  EXPECT_EQ(numbers(stored.at("state.steps.b")), std::vector<double>{1});
  EXPECT_EQ(numbers(stored.at("average.b")), std::vector<double>{-1});
  TrainedTensors resumed(config, descent, {trained(floats({-1}), 1, "a"), trained(floats({-2}), 1, "b")});
  resumed.restore([&](const std::string& name, const at::Tensor&) { return stored.at(name); }, 1);
  step(resumed);  // the optimiser expects step 2
  EXPECT_EQ(numbers(resumed.tensors()[1].average), std::vector<double>{-2.5});
  {
    const Averages in_use(resumed);
    EXPECT_EQ(numbers(resumed.tensors()[1].base.value), std::vector<double>{-2.5});
  }
  EXPECT_EQ(numbers(resumed.tensors()[1].base.value), std::vector<double>{-4});
}

TEST(TrainedTensors, RefuseAnOptimizerThatNamesItsStateTwice) {
  class Twice final : public Descent {
    std::vector<OptimizerState> state_of(const OptimizedTensor&) const override {
      return {{"a", {1}}, {"a", {2}}};
    }
  };
  try {
    TrainedTensors(TrainConfig(), Twice(), {trained(at::zeros({1}), 1)});
    ADD_FAILURE();
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("gives the state 'a' of shape [2] from state_of()"));
  }
}

}  // namespace
}  // namespace flam
