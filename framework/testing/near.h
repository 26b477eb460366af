#pragma once
// For tests: compares tensors approximately and creates random ones.
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

namespace flam {

/// Whether the shapes are equal and |a − b| ≤ tolerance · max(1, max|b|).
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

/// Returns normal values that depend only on the shape and the seed.
inline at::Tensor random(at::IntArrayRef shape, uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(shape);
}

}  // namespace flam
