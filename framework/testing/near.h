#pragma once
// For tests: tensors that are nearly equal, and values to try.
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

namespace flam {

/// |a − b| ≤ tolerance · max(1, max|b|), shapes equal.
inline ::testing::AssertionResult near(const at::Tensor& a, const at::Tensor& b, double tolerance = 1e-5) {
  if (a.sizes() != b.sizes())
    return ::testing::AssertionFailure() << "shapes " << a.sizes() << " and " << b.sizes();
  if (a.numel() == 0) return ::testing::AssertionSuccess();
  const at::Tensor x = a.detach().to(at::kDouble), y = b.detach().to(at::kDouble);
  const double error = (x - y).abs().max().item<double>(),
               scale = std::max(1.0, y.abs().max().item<double>());
  if (error <= tolerance * scale) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "largest difference " << error << ", allowed " << tolerance * scale;
}

/// Normal values that depend on the seed alone.
inline at::Tensor random(at::IntArrayRef shape, uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(shape);
}

}  // namespace flam
