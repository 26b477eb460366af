#include "framework/nn/layers.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/many_rows.h"
#include "framework/nn/kernels/pointwise.h"
#include "framework/nn/kernels/quantized_product.h"

namespace flam {

at::Tensor activate(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::gelu:
      return at::gelu(x);
    case Activation::relu:
      return at::relu(x);
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu_tanh:
      if (kernels::takes_pointwise(x)) return kernels::gelu_tanh(x);
      return at::gelu(x, "tanh");
    case Activation::relu6:
      return at::clamp(x, 0, 6);
    case Activation::quick_gelu:
      break;
  }
  if (kernels::takes_pointwise(x)) return kernels::quick_gelu(x);
  if (at::GradMode::is_enabled()) return x * (x * 1.702).sigmoid();
  return (x * 1.702).sigmoid_().mul_(x);
}

at::Tensor silu_product(const at::Tensor& gate, const at::Tensor& up) {
  if (kernels::takes_silu_product(gate, up)) return kernels::silu_product(gate, up);
  if (at::GradMode::is_enabled()) return at::silu(gate) * up;
  at::Tensor product = gate;
  return at::silu_(product).mul_(up);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): `branch` is overwritten
at::Tensor add_residual(const at::Tensor& residual, at::Tensor branch) {
  return at::GradMode::is_enabled() ? residual + branch : branch.add_(residual);
}

at::Tensor look_up(const Weight& table, const at::Tensor& ids) {
  return at::embedding(table.tensor(), ids);
}

namespace {
Init matrix_init(const LinearOptions& options, int64_t in) {
  return Init::normal(options.init_std > 0 ? options.init_std : 0.7 / std::sqrt(static_cast<double>(in)));
}
}  // namespace

namespace {
at::Tensor product(const at::Tensor& x, const QuantizedMatrix& weight, const at::Tensor& bias) {
  return kernels::quantized_product(x, weight, bias);
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (kernels::takes_many_rows(x, weight, bias)) return kernels::many_rows_product(x, weight, bias);
  if (kernels::takes_few_rows(x, weight, bias)) return kernels::few_rows_product(x, weight, bias);
  return at::linear(x, weight, bias);
}
}  // namespace

Linear::Linear(Weight weight) : weight_(std::move(weight)) {
  if (weight_) weight_.slot()->matrix = true;
}

Linear::Linear(const WeightScope& weights, const std::string& name, int64_t in, int64_t out,
               LinearOptions options)
    : Linear((weights / name).tensor("weight", {out, in}, matrix_init(options, in))) {
  if (options.bias) bias_ = (weights / name).tensor("bias", {out}, Init::zeros());
}

Linear Linear::fused(const WeightScope& weights, const std::string& name, int64_t in,
                     std::vector<int64_t> parts, LinearOptions options) {
  const int64_t out = std::accumulate(parts.begin(), parts.end(), int64_t{0});
  const WeightScope scope = weights / name;
  Linear linear(scope.fused("weight", {out, in}, parts, matrix_init(options, in)));
  if (options.bias) linear.bias_ = scope.fused("bias", {out}, parts, Init::zeros());
  return linear;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  const at::Tensor bias = bias_ ? bias_.tensor() : at::Tensor();
  if (const QuantizedMatrix* quantized = weight_.quantized()) return product(x, *quantized, bias);
  return product(x, weight_.tensor(), bias);
}

at::Tensor add_product(const at::Tensor& residual, const Linear& linear, const at::Tensor& x, bool reuse) {
  if (at::GradMode::is_enabled() || x.is_meta() || x.is_cpu() || linear.bias() ||
      linear.weight().quantized() || !residual.is_contiguous())
    return add_residual(residual, linear(x));
  const at::Tensor rows = x.reshape({-1, linear.in_features()}), weight = linear.weight().tensor().t();
  at::Tensor sums = residual.view({-1, linear.out_features()});
  if (reuse) {
    sums.addmm_(rows, weight);
    return residual;
  }
  return at::addmm(sums, rows, weight).view(residual.sizes());
}

StackedLinear::StackedLinear(const WeightScope& weights, int64_t in,
                             const std::vector<std::pair<std::string, int64_t>>& parts,
                             LinearOptions options) {
  std::vector<Weight> matrices, biases;
  for (const auto& [name, out] : parts) {
    layers_.emplace_back(weights, name, in, out, options);
    matrices.push_back(layers_.back().weight());
    if (options.bias) biases.push_back(layers_.back().bias());
  }
  stack_rows(matrices);
  if (options.bias) stack_rows(biases);
}

namespace {

/// The rows of all tensors as one, if they lie one after the other in memory; else undefined.
template <class Part>
at::Tensor stacked(const std::vector<Linear>& layers, const Part& part) {
  const at::Tensor& first = part(layers.front());
  int64_t rows = 0, end = first.storage_offset();
  for (const Linear& layer : layers) {
    const at::Tensor& each = part(layer);
    if (!each.is_contiguous() || !each.is_alias_of(first) || each.storage_offset() != end ||
        each.scalar_type() != first.scalar_type())
      return {};
    rows += each.size(0);
    end += each.numel();
  }
  std::vector<int64_t> shape = first.sizes().vec();
  shape[0] = rows;
  return first.as_strided(shape, first.strides());
}

}  // namespace

std::vector<at::Tensor> StackedLinear::operator()(const at::Tensor& x) const {
  std::vector<at::Tensor> outputs;
  at::Tensor weight, bias;
  const bool quantized =
      std::ranges::any_of(layers_, [](const Linear& layer) { return layer.weight().quantized() != nullptr; });
  if (!at::GradMode::is_enabled() && !x.is_meta() && !quantized) {
    weight =
        stacked(layers_, [](const Linear& layer) -> const at::Tensor& { return layer.weight().tensor(); });
    if (weight.defined() && layers_.front().bias()) {
      bias = stacked(layers_, [](const Linear& layer) -> const at::Tensor& { return layer.bias().tensor(); });
      if (!bias.defined()) weight.reset();
    }
  }
  if (!weight.defined()) {
    for (const Linear& layer : layers_) outputs.push_back(layer(x));
    return outputs;
  }
  const at::Tensor all = product(x, weight, bias);
  int64_t first = 0;
  for (const Linear& layer : layers_) {
    outputs.push_back(all.narrow(-1, first, layer.out_features()));
    first += layer.out_features();
  }
  return outputs;
}

LayerNorm::LayerNorm(const WeightScope& weights, const std::string& name, int64_t width, double eps)
    : weight_((weights / name).tensor("weight", {width}, Init::ones())),
      bias_((weights / name).tensor("bias", {width}, Init::zeros())),
      eps_(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, weight_.shape(), weight_.tensor(), bias_.tensor(), eps_);
}

RMSNorm::RMSNorm(const WeightScope& weights, const std::string& name, int64_t width, double eps)
    : weight_((weights / name).tensor("weight", {width}, Init::ones())), eps_(eps) {}

at::Tensor RMSNorm::operator()(const at::Tensor& x) const {
  const at::Tensor& weight = weight_.tensor();
  if (kernels::takes_pointwise(x) && x.scalar_type() == weight.scalar_type() && weight.is_contiguous())
    return kernels::rms_norm(x, weight, eps_);
  // One kernel on CUDA. Training keeps the operators whose derivatives the tests compare.
  if (!at::GradMode::is_enabled() && x.scalar_type() == weight.scalar_type() &&
      (x.scalar_type() == at::kFloat || !x.is_cpu()))
    return at::rms_norm(x, weight_.shape(), weight, eps_);
  const at::Tensor x32 = x.to(at::kFloat);
  const at::Tensor scale = at::rsqrt(x32.square().mean(-1, true) + eps_);
  return weight * (x32 * scale).to(x.scalar_type());
}

}  // namespace flam
