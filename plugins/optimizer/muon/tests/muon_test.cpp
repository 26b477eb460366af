#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/component/optimizer.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

OptimizedTensor matrix(const Built<Optimizer>& optimizer, int64_t rows, int64_t columns, bool is_matrix) {
  OptimizedTensor tensor;
  tensor.is_matrix = is_matrix;
  tensor.value = at::zeros({rows, columns});
  tensor.gradient = random({rows, columns}, 4);
  tensor.learning_rate = 0.01;
  for (const OptimizerState& state : optimizer->state_of(tensor))
    tensor.state.push_back(at::zeros(state.shape));
  return tensor;
}

/// Expects all singular values to be about `size`.
void expect_orthogonal(const at::Tensor& value, double size) {
  const at::Tensor singular = std::get<1>(at::linalg_svd(value));
  EXPECT_GT(singular.min().item<double>(), 0.6 * size);
  EXPECT_LT(singular.max().item<double>(), 1.3 * size);
}

TEST(Muon, OrthogonalisesTheUpdatesOfMatrices) {
  const Built<Optimizer> muon("{type: muon}");
  for (const int64_t rows : {6, 20}) {
    const int64_t columns = 26 - rows;
    std::vector<OptimizedTensor> tensors = {matrix(muon, rows, columns, true)};
    ASSERT_EQ(tensors[0].state.size(), 1u);
    const at::Tensor gradient = tensors[0].gradient.clone();
    muon->step(tensors, 1);
    expect_orthogonal(tensors[0].value, 0.01 * 0.2 * std::sqrt(20));
    EXPECT_LT((tensors[0].value * gradient).sum().item<double>(), 0);
  }
}

TEST(Muon, TreatsThePartsOfAFusedMatrixApart) {
  const Built<Optimizer> muon("{type: muon}");
  std::vector<OptimizedTensor> tensors = {matrix(muon, 12, 6, true)};
  tensors[0].parts = {6, 6};
  tensors[0].gradient.narrow(0, 6, 6).mul_(100);
  muon->step(tensors, 1);
  for (const int64_t first : {0, 6})
    expect_orthogonal(tensors[0].value.narrow(0, first, 6), 0.01 * 0.2 * std::sqrt(6));
}

TEST(Muon, DecaysWeightsAndKeepsMomentum) {
  const Built<Optimizer> muon("{type: muon, momentum: 0.5}");
  std::vector<OptimizedTensor> tensors = {matrix(muon, 4, 4, true)};
  tensors[0].value.fill_(1);
  tensors[0].weight_decay = 0.5;
  const at::Tensor gradient = tensors[0].gradient.clone();
  muon->step(tensors, 1);
  EXPECT_TRUE(near(tensors[0].state[0], gradient));
  tensors[0].gradient = gradient.clone();
  muon->step(tensors, 2);
  EXPECT_TRUE(near(tensors[0].state[0], gradient * 1.5));
  std::vector<OptimizedTensor> without = {matrix(muon, 4, 4, true)};
  for (int step = 1; step <= 2; ++step) {
    without[0].gradient = gradient.clone();
    muon->step(without, step);
  }
  // The first update decays in the second step.
  EXPECT_NEAR((tensors[0].value - without[0].value).mean().item<double>(), 0.995 * 0.995, 1e-3);
}

TEST(Muon, TakesAdamWForTheRest) {
  const Built<Optimizer> muon("{type: muon, beta1: 0.7}"), adamw("{type: adamw, beta1: 0.7}");
  std::vector<OptimizedTensor> a = {matrix(muon, 5, 3, false), matrix(muon, 3, 3, true)},
                               b = {matrix(adamw, 5, 3, false)};
  for (int step = 1; step <= 3; ++step) {
    muon->step(a, step);
    adamw->step(b, step);
  }
  EXPECT_TRUE(near(a[0].value, b[0].value));
}

}  // namespace
}  // namespace flam
