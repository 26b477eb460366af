#include "framework/nn/conv_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/rsqrt.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace flam {

namespace {

Init he_normal(const ConvShape& shape) {
  const int64_t fan_out = shape.out / shape.groups * shape.kernel * shape.kernel;
  return Init::normal(std::sqrt(2.0 / static_cast<double>(std::max<int64_t>(1, fan_out))));
}

}  // namespace

int64_t ConvShape::output_side(int64_t side) const {
  if (padding == Padding::same) return (side + stride - 1) / stride;
  return (side + 2 * ((kernel - 1) / 2) - kernel) / stride + 1;
}

ConvNorm::ConvNorm(const WeightScope& weights, const std::string& name, const ConvShape& shape, double eps)
    : shape_(shape), eps_(eps) {
  const WeightScope scope = weights / name, norm = scope / "norm";
  weight_ = scope.tensor("weight", {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel},
                         he_normal(shape));
  norm_weight_ = norm.tensor("weight", {shape.out}, Init::ones());
  norm_bias_ = norm.tensor("bias", {shape.out}, Init::zeros());
  mean_ = norm.statistic("running_mean", {shape.out}, Init::zeros());
  variance_ = norm.statistic("running_var", {shape.out}, Init::ones());
}

at::Tensor ConvNorm::operator()(const at::Tensor& x) const {
  const ConvShape& s = shape_;
  const auto single = [](const Weight& weight) { return weight.tensor().to(at::kFloat); };
  const at::Tensor scale = single(norm_weight_) * at::rsqrt(single(variance_) + eps_);
  const at::Tensor weight = (single(weight_) * scale.view({-1, 1, 1, 1})).to(x.scalar_type());
  const at::Tensor bias = (single(norm_bias_) - single(mean_) * scale).to(x.scalar_type());

  // Total padding along height and width; if it is odd, the extra zero goes to the end.
  const auto zeros = [&](int64_t side) {
    if (s.padding == ConvShape::Padding::symmetric) return (s.kernel - 1) / 2 * 2;
    return std::max<int64_t>(0, (s.output_side(side) - 1) * s.stride + s.kernel - side);
  };
  const int64_t high = zeros(x.size(2)), wide = zeros(x.size(3));
  const bool even = high % 2 == 0 && wide % 2 == 0;
  const at::Tensor padded =
      even ? x : at::constant_pad_nd(x, {wide / 2, wide - wide / 2, high / 2, high - high / 2});
  const std::array<int64_t, 2> padding{even ? high / 2 : 0, even ? wide / 2 : 0};
  return at::conv2d(padded, weight, bias, s.stride, padding, 1, s.groups);
}

}  // namespace flam
