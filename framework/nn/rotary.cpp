#include "framework/nn/rotary.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
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
  const at::Tensor low = x.narrow(-1, 0, half), high = x.narrow(-1, half, half);
  const at::Tensor cos = table.cos.to(x.scalar_type()).unsqueeze(1),
                   sin = table.sin.to(x.scalar_type()).unsqueeze(1);
  at::Tensor out = x * cos;
  if (at::GradMode::is_enabled()) return at::addcmul(out, at::cat({-high, low}, -1), sin);
  out.narrow(-1, 0, half).addcmul_(high, sin.narrow(-1, 0, half), -1);
  out.narrow(-1, half, half).addcmul_(low, sin.narrow(-1, half, half));
  return out;
}

std::pair<at::Tensor, at::Tensor> apply_rotary(const at::Tensor& q, const at::Tensor& k,
                                               const RotaryTable& table) {
  const int64_t heads = q.size(1), kv_heads = k.size(1);
  const bool neighbours = !at::GradMode::is_enabled() && k.is_alias_of(q) && k.strides() == q.strides() &&
                          k.storage_offset() == q.storage_offset() + heads * q.stride(1);
  if (!neighbours) return {apply_rotary(q, table), apply_rotary(k, table)};
  const at::Tensor both =
      apply_rotary(q.as_strided({q.size(0), heads + kv_heads, q.size(2), q.size(3)}, q.strides()), table);
  return {both.narrow(1, 0, heads), both.narrow(1, heads, kv_heads)};
}

}  // namespace flam
