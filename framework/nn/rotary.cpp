#include "framework/nn/rotary.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/pow.h>

#include <numbers>

#include "framework/nn/kernels/pointwise.h"

namespace flam {

namespace {

/// Frequencies in radians per token → scaled ones.
at::Tensor scaled(const at::Tensor& frequency, const RopeScaling& scaling) {
  if (scaling.type == RopeScaling::Type::none) return frequency;
  if (scaling.type == RopeScaling::Type::linear) return frequency / scaling.factor;
  const double turns_per_radian =
      static_cast<double>(scaling.original_max_position_embeddings) / (2 * std::numbers::pi);
  const at::Tensor turns = frequency * turns_per_radian;
  const at::Tensor kept =
      ((turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)).clamp(0, 1);
  return (1 - kept) * frequency / scaling.factor + kept * frequency;
}

}  // namespace

RotaryTable rotary_table(const at::Tensor& positions, int64_t head_dim, double base,
                         const RopeScaling& scaling) {
  const at::Tensor exponent = at::arange(0, head_dim, 2, positions.options().dtype(at::kFloat)) / head_dim;
  const at::Tensor inverse_frequency = scaled(at::pow(base, exponent).reciprocal(), scaling);
  const at::Tensor angle = positions.to(at::kFloat).unsqueeze(-1) * inverse_frequency;
  const at::Tensor both_halves = at::cat({angle, angle}, -1);
  return {both_halves.cos(), both_halves.sin()};
}

at::Tensor apply_rotary(const at::Tensor& x, const RotaryTable& table) {
  if (kernels::takes_rotary(x, table.cos, table.sin)) return kernels::rotary(x, table.cos, table.sin);
  const int64_t half = x.size(-1) / 2;
  const at::Tensor rotated = at::cat({-x.narrow(-1, half, half), x.narrow(-1, 0, half)}, -1);
  const at::Tensor cos = table.cos.to(x.scalar_type()).unsqueeze(1),
                   sin = table.sin.to(x.scalar_type()).unsqueeze(1);
  return at::addcmul(x * cos, rotated, sin);
}

}  // namespace flam
