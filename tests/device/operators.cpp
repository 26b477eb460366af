#include "tests/device/operators.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <array>

namespace flam {

at::Tensor Inputs::laid_out(const at::Tensor& values) const {
  if (memory_ == Memory::transposed && values.dim() > 1)
    return values.transpose(-1, -2).contiguous().transpose(-1, -2);
  if (memory_ == Memory::channels_last && values.dim() == 4)
    return values.contiguous(at::MemoryFormat::ChannelsLast);
  return values;
}

at::Tensor Inputs::operator()(at::IntArrayRef shape) const {
  if (device_.is_meta()) return laid_out(at::empty(shape, options()));
  return laid_out(at::rand(shape, at::kFloat).mul(0.8).add(0.1).to(dtype_));
}

at::Tensor Inputs::ids(at::IntArrayRef shape, int64_t below) const {
  const auto kind = options().dtype(at::kLong);
  return device_.is_meta() ? at::empty(shape, kind) : at::randint(below, shape, kind);
}

at::Tensor Inputs::mask(at::IntArrayRef shape) const {
  const auto kind = options().dtype(at::kBool);
  return device_.is_meta() ? at::empty(shape, kind) : at::rand(shape, at::kFloat) < 0.5;
}

at::Tensor Inputs::complex(at::IntArrayRef shape) const {
  return at::empty(shape, options().dtype(at::kComplexFloat)).zero_();
}

namespace {

using Unary = at::Tensor (*)(const at::Tensor&);
using InPlace = at::Tensor& (*)(at::Tensor&);

Outputs list(std::tuple<at::Tensor, at::Tensor> pair) {
  return {std::get<0>(pair), std::get<1>(pair)};
}

}  // namespace

std::vector<Operator> pointwise_operators() {
  const std::array<int64_t, 3> rows = {2, 5, 8};
  std::vector<Operator> all;
  const std::pair<const char*, Unary> unary[] = {
      {"abs", at::abs},
      {"ceil", at::ceil},
      {"cos", at::cos},
      {"digamma", at::digamma},
      {"erf", at::erf},
      {"exp", at::exp},
      {"expm1", at::expm1},
      {"floor", at::floor},
      {"hardsigmoid", at::hardsigmoid},
      {"hardswish", at::hardswish},
      {"isfinite", at::isfinite},
      {"isnan", at::isnan},
      {"log", at::log},
      {"log1p", at::log1p},
      {"log2", at::log2},
      {"log_sigmoid", at::log_sigmoid},
      {"logical_not", at::logical_not},
      {"logit", [](const at::Tensor& x) { return at::logit(x, 1e-6); }},
      {"mish", at::mish},
      {"neg", at::neg},
      {"reciprocal", at::reciprocal},
      {"relu", at::relu},
      {"relu6", at::relu6},
      {"round", at::round},
      {"rsqrt", at::rsqrt},
      {"selu", at::selu},
      {"sigmoid", at::sigmoid},
      {"sign", at::sign},
      {"silu", at::silu},
      {"sin", at::sin},
      {"sqrt", at::sqrt},
      {"square", at::square},
      {"tan", at::tan},
      {"tanh", at::tanh},
      {"trunc", at::trunc},
      {"count_nonzero", [](const at::Tensor& x) { return at::count_nonzero(x, std::optional<int64_t>(1)); }},
  };
  for (const auto& [name, call] : unary)
    all.push_back({name, [=](const Inputs& in) -> Outputs { return {call(in(rows))}; }});
  const std::pair<const char*, InPlace> in_place[] = {
      {"abs_", at::abs_},         {"exp_", at::exp_},   {"hardswish_", at::hardswish_}, {"relu_", at::relu_},
      {"sigmoid_", at::sigmoid_}, {"silu_", at::silu_}, {"sqrt_", at::sqrt_},           {"tanh_", at::tanh_},
  };
  for (const auto& [name, call] : in_place) {
    all.push_back({name, [=](const Inputs& in) -> Outputs {
                     at::Tensor x = in(rows);
                     return {call(x)};
                   }});
  }
  const auto add = [&](const char* name, std::function<Outputs(const Inputs&)> call) {
    all.push_back({name, std::move(call)});
  };
  add("add", [=](const Inputs& in) -> Outputs { return {in(rows) + in({8})}; });
  add("addcdiv", [=](const Inputs& in) -> Outputs { return {at::addcdiv(in(rows), in(rows), in({8}))}; });
  add("addcmul", [=](const Inputs& in) -> Outputs { return {at::addcmul(in(rows), in(rows), in({8}))}; });
  add("atan2", [=](const Inputs& in) -> Outputs { return {at::atan2(in(rows), in({5, 1}))}; });
  add("bernoulli", [=](const Inputs& in) -> Outputs { return {at::bernoulli(in(rows))}; });
  add("bernoulli_", [=](const Inputs& in) -> Outputs { return {in(rows).bernoulli_(0.5)}; });
  add("bitwise_and", [=](const Inputs& in) -> Outputs { return {in.mask(rows) & in.mask({8})}; });
  add("celu", [=](const Inputs& in) -> Outputs { return {at::celu(in(rows))}; });
  add("clamp", [=](const Inputs& in) -> Outputs { return {in(rows).clamp(0, 0.5)}; });
  add("clamp_min", [=](const Inputs& in) -> Outputs { return {in(rows).clamp_min(0.5)}; });
  add("copy_", [=](const Inputs& in) -> Outputs { return {in(rows).copy_(in({8}))}; });
  add("div", [=](const Inputs& in) -> Outputs { return {in(rows) / in({8})}; });
  add("div (floor)", [=](const Inputs& in) -> Outputs { return {at::div(in(rows), in({8}), "floor")}; });
  add("dropout", [=](const Inputs& in) -> Outputs { return {at::dropout(in(rows), 0.5, false)}; });
  add("dropout (train)", [=](const Inputs& in) -> Outputs { return {at::dropout(in(rows), 0.5, true)}; });
  add("elu", [=](const Inputs& in) -> Outputs { return {at::elu(in(rows))}; });
  add("eq", [=](const Inputs& in) -> Outputs { return {in(rows) == in({8})}; });
  add("feature_dropout",
      [=](const Inputs& in) -> Outputs { return {at::feature_dropout(in(rows), 0.5, true)}; });
  add("fill_", [=](const Inputs& in) -> Outputs { return {in(rows).fill_(1)}; });
  add("floor_divide", [=](const Inputs& in) -> Outputs { return {at::floor_divide(in(rows), in({8}))}; });
  add("fmod", [=](const Inputs& in) -> Outputs { return {at::fmod(in(rows), 0.5)}; });
  add("ge", [=](const Inputs& in) -> Outputs { return {in(rows) >= 0.5}; });
  add("gelu", [=](const Inputs& in) -> Outputs { return {at::gelu(in(rows))}; });
  add("gelu (tanh)", [=](const Inputs& in) -> Outputs { return {at::gelu(in(rows), "tanh")}; });
  add("glu", [=](const Inputs& in) -> Outputs { return {at::glu(in(rows), -1)}; });
  add("hardshrink", [=](const Inputs& in) -> Outputs { return {at::hardshrink(in(rows))}; });
  add("hardtanh", [=](const Inputs& in) -> Outputs { return {at::hardtanh(in(rows))}; });
  add("leaky_relu", [=](const Inputs& in) -> Outputs { return {at::leaky_relu(in(rows), 0.1)}; });
  add("lerp", [=](const Inputs& in) -> Outputs { return {at::lerp(in(rows), in(rows), 0.5)}; });
  add("logical_and",
      [=](const Inputs& in) -> Outputs { return {at::logical_and(in.mask(rows), in.mask({8}))}; });
  add("lt", [=](const Inputs& in) -> Outputs { return {in(rows) < in({5, 1})}; });
  add("masked_fill", [=](const Inputs& in) -> Outputs { return {in(rows).masked_fill(in.mask({5, 8}), 0)}; });
  add("masked_fill_", [=](const Inputs& in) -> Outputs {
    return {in(rows).masked_fill_(in.mask({5, 8}), 0)};
  });
  add("maximum", [=](const Inputs& in) -> Outputs { return {at::maximum(in(rows), in({8}))}; });
  add("minimum", [=](const Inputs& in) -> Outputs { return {at::minimum(in(rows), in({8}))}; });
  add("mul", [=](const Inputs& in) -> Outputs { return {in(rows)*in({8})}; });
  add("nan_to_num", [=](const Inputs& in) -> Outputs { return {at::nan_to_num(in(rows))}; });
  add("polar", [=](const Inputs& in) -> Outputs {
    return {at::polar(in(rows).to(at::kFloat), in(rows).to(at::kFloat))};
  });
  add("pow", [=](const Inputs& in) -> Outputs { return {in(rows).pow(3)}; });
  add("prelu", [=](const Inputs& in) -> Outputs { return {at::prelu(in(rows), in({5}))}; });
  add("remainder", [=](const Inputs& in) -> Outputs { return {at::remainder(in(rows), 0.5)}; });
  add("rsub", [=](const Inputs& in) -> Outputs { return {1 - in(rows)}; });
  add("softplus", [=](const Inputs& in) -> Outputs { return {at::softplus(in(rows))}; });
  add("softshrink", [=](const Inputs& in) -> Outputs { return {at::softshrink(in(rows))}; });
  add("sub", [=](const Inputs& in) -> Outputs { return {in(rows)-in({8})}; });
  add("threshold", [=](const Inputs& in) -> Outputs { return {at::threshold(in(rows), 0.2, 0)}; });
  add("to", [=](const Inputs& in) -> Outputs { return {in(rows).to(at::kHalf)}; });
  add("where", [=](const Inputs& in) -> Outputs {
    return {at::where(in.mask({5, 1}), in(rows), in({8})), at::where(in.mask(rows), in(rows), 0.0)};
  });
  add("xlogy", [=](const Inputs& in) -> Outputs { return {at::xlogy(in(rows), in({8}))}; });

  // Reductions.
  add("all", [=](const Inputs& in) -> Outputs { return {in.mask(rows).all(-1)}; });
  add("amax", [=](const Inputs& in) -> Outputs { return {in(rows).amax({1, 2}), in(rows).amax(-1, true)}; });
  add("amin", [=](const Inputs& in) -> Outputs { return {in(rows).amin(1)}; });
  add("aminmax", [=](const Inputs& in) -> Outputs { return list(at::aminmax(in(rows), -1, true)); });
  add("any", [=](const Inputs& in) -> Outputs { return {in.mask(rows).any(-1, true)}; });
  add("argmax", [=](const Inputs& in) -> Outputs { return {in(rows).argmax(-1), in(rows).argmax()}; });
  add("argsort", [=](const Inputs& in) -> Outputs { return {at::argsort(in(rows), int64_t{1})}; });
  add("cummax", [=](const Inputs& in) -> Outputs { return list(at::cummax(in(rows), 1)); });
  add("cumprod", [=](const Inputs& in) -> Outputs { return {in(rows).cumprod(1)}; });
  add("cumsum", [=](const Inputs& in) -> Outputs { return {in(rows).cumsum(1)}; });
  add("kthvalue", [=](const Inputs& in) -> Outputs { return list(at::kthvalue(in(rows), 2)); });
  add("linalg_vector_norm", [=](const Inputs& in) -> Outputs {
    return {at::linalg_vector_norm(in(rows), 2, at::OptionalIntArrayRef({-1}), true)};
  });
  add("log_softmax", [=](const Inputs& in) -> Outputs { return {at::log_softmax(in(rows), -1)}; });
  add("logcumsumexp", [=](const Inputs& in) -> Outputs { return {at::logcumsumexp(in(rows), 1)}; });
  add("logsumexp", [=](const Inputs& in) -> Outputs { return {at::logsumexp(in(rows), {-1}, true)}; });
  add("max", [=](const Inputs& in) -> Outputs { return {in(rows).max()}; });
  add("max (dim)", [=](const Inputs& in) -> Outputs { return list(in(rows).max(1)); });
  add("mean", [=](const Inputs& in) -> Outputs {
    return {in(rows).mean(at::OptionalIntArrayRef({0, 2})), in(rows).mean()};
  });
  add("median", [=](const Inputs& in) -> Outputs { return {in(rows).median()}; });
  add("median (dim)", [=](const Inputs& in) -> Outputs { return list(in(rows).median(1)); });
  add("min", [=](const Inputs& in) -> Outputs { return {in(rows).min()}; });
  add("min (dim)", [=](const Inputs& in) -> Outputs { return list(in(rows).min(-1, true)); });
  add("mode", [=](const Inputs& in) -> Outputs { return list(in(rows).mode(-1)); });
  add("nansum", [=](const Inputs& in) -> Outputs { return {at::nansum(in(rows), -1)}; });
  add("norm", [=](const Inputs& in) -> Outputs { return {in(rows).norm(2, {-1}, true)}; });
  add("prod", [=](const Inputs& in) -> Outputs { return {in(rows).prod(-1)}; });
  add("quantile",
      [=](const Inputs& in) -> Outputs { return {at::quantile(in(rows).to(at::kFloat), 0.5, 1)}; });
  add("softmax", [=](const Inputs& in) -> Outputs { return {at::softmax(in(rows), -1, at::kFloat)}; });
  add("sort", [=](const Inputs& in) -> Outputs { return list(in(rows).sort(1)); });
  add("std", [=](const Inputs& in) -> Outputs { return {in(rows).std(-1), in(rows).std()}; });
  add("std_mean", [=](const Inputs& in) -> Outputs {
    return list(at::std_mean(in(rows), at::OptionalIntArrayRef({-1}), 1, true));
  });
  add("sum", [=](const Inputs& in) -> Outputs { return {in(rows).sum(), in.mask(rows).sum(-1)}; });
  add("topk", [=](const Inputs& in) -> Outputs { return list(in(rows).topk(3, -1)); });
  add("var", [=](const Inputs& in) -> Outputs { return {in(rows).var(-1, false, true), in(rows).var()}; });
  add("var_mean", [=](const Inputs& in) -> Outputs {
    return list(at::var_mean(in(rows), at::OptionalIntArrayRef({1, 2}), 0, false));
  });
  return all;
}

}  // namespace flam
