#include "framework/device/meta_kernels.h"

#include <ATen/ExpandUtils.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/native/ConvUtils.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sum.h>
#include <torch/library.h>

#include <algorithm>
#include <set>
#include <string>

#include "framework/device/meta_boxed.h"

namespace flam {

namespace {

// Shape functions of operators that are too costly to run on the CPU, or that libtorch composes on the meta
// device of others than on the CPU. Each gives the shape, strides and type that the CPU's kernel gives.

using at::Tensor;
using OptionalTensor = std::optional<Tensor>;

Tensor convolution(const Tensor& input, const Tensor& weight, const OptionalTensor&, at::IntArrayRef stride,
                   at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                   at::IntArrayRef output_padding, int64_t groups) {
  const auto sizes =
      transposed ? at::native::conv_input_size(input.sizes(), weight.sizes(), padding, output_padding, stride,
                                               dilation, groups)
                 : at::native::conv_output_size(input.sizes(), weight.sizes(), padding, stride, dilation);
  auto format = input.suggest_memory_format();
  if (format == at::MemoryFormat::Contiguous) format = weight.suggest_memory_format();
  return at::empty(sizes, input.options(), format);
}

/// LayerNorm over the last dimensions, and the mean and 1/σ of each row.
std::tuple<Tensor, Tensor, Tensor> layer_norm(const Tensor& input, at::IntArrayRef shape,
                                              const OptionalTensor& weight, const OptionalTensor& bias,
                                              double) {
  const int64_t rows = input.dim() - static_cast<int64_t>(shape.size());
  const auto fits = [&](const OptionalTensor& each) {
    return !each || !each->defined() || each->sizes() == shape;
  };
  TORCH_CHECK(
      rows >= 0 && input.sizes().slice(std::max<int64_t>(rows, 0)) == shape && fits(weight) && fits(bias),
      "layer_norm over ", shape, " does not fit an input ", input.sizes(),
      ", or its weight or bias does not");
  auto statistics = input.sizes().vec();
  std::fill(statistics.begin() + rows, statistics.end(), 1);
  const auto kind = weight && weight->defined() ? input.options().dtype(weight->dtype()) : input.options();
  return {at::empty(input.sizes(), input.options()), at::empty(statistics, kind),
          at::empty(statistics, kind)};
}

std::tuple<Tensor, Tensor, Tensor> group_norm(const Tensor& input, const OptionalTensor& weight,
                                              const OptionalTensor&, int64_t n, int64_t, int64_t,
                                              int64_t groups, double) {
  const auto kind = weight && weight->defined() ? input.options().dtype(weight->dtype()) : input.options();
  return {at::empty_like(input, input.suggest_memory_format()), at::empty({n, groups}, kind),
          at::empty({n, groups}, kind)};
}

std::tuple<Tensor, Tensor, Tensor> batch_norm(const Tensor& input, const OptionalTensor& weight,
                                              const OptionalTensor&, const OptionalTensor&,
                                              const OptionalTensor&, bool training, double, double) {
  const int64_t saved = training ? input.size(1) : 0;
  const auto kind = weight && weight->defined() ? input.options().dtype(weight->dtype()) : input.options();
  return {at::empty_like(input, input.suggest_memory_format()), at::empty({saved}, kind),
          at::empty({saved}, kind)};
}

Tensor index_select(const Tensor& input, int64_t dim, const Tensor& index) {
  TORCH_CHECK(index.dim() <= 1, "index_select: the index has shape ", index.sizes(),
              "; expected one dimension");
  auto sizes = input.sizes().vec();
  if (!sizes.empty()) sizes[at::maybe_wrap_dim(dim, input.dim())] = index.numel();
  return at::empty(sizes, input.options());
}

Tensor flip(const Tensor& input, at::IntArrayRef dims) {
  for (const int64_t dim : dims) at::maybe_wrap_dim(dim, input.dim());
  return at::empty_like(input);
}

Tensor roll(const Tensor& input, at::IntArrayRef shifts, at::IntArrayRef dims) {
  TORCH_CHECK(shifts.size() == dims.size() || (dims.empty() && shifts.size() == 1), "roll: ", shifts.size(),
              " shifts for ", dims.size(), " dimensions");
  for (const int64_t dim : dims) at::maybe_wrap_dim(dim, input.dim());
  return at::empty_like(input, input.suggest_memory_format());
}

Tensor adaptive_avg_pool2d(const Tensor& input, at::IntArrayRef size) {
  TORCH_CHECK(size.size() == 2 && (input.dim() == 3 || input.dim() == 4), "adaptive_avg_pool2d to ", size,
              " of an input ", input.sizes());
  auto sizes = input.sizes().vec();
  std::copy(size.begin(), size.end(), sizes.end() - 2);
  return at::empty(sizes, input.options(), input.suggest_memory_format());
}

Tensor extreme(const Tensor& input) {
  TORCH_CHECK(input.numel() > 0, "max() or min() of a tensor without elements");
  return at::empty({}, input.options());
}

at::ScalarType real_type(const Tensor& input) {
  return c10::toRealValueType(input.scalar_type());
}

/// std() and var().
Tensor deviation(const Tensor& input, at::OptionalIntArrayRef dims, const std::optional<at::Scalar>&,
                 bool keep) {
  TORCH_CHECK(input.is_floating_point() || input.is_complex(),
              "std() and var() take floating-point tensors, not ", input.dtype());
  return at::sum(input, dims, keep, real_type(input));
}

std::tuple<Tensor, Tensor> deviation_and_mean(const Tensor& input, at::OptionalIntArrayRef dims,
                                              const std::optional<at::Scalar>& correction, bool keep) {
  return {deviation(input, dims, correction, keep), at::sum(input, dims, keep)};
}

/// The CPU's fused kernel takes four dimensions, one width and rows without gaps, and lays its result out
/// like the queries. The unfused operators give a contiguous result.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const OptionalTensor& mask, double,
                 bool causal, std::optional<double>, bool grouped) {
  TORCH_CHECK(
      q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2 && q.size(-1) == k.size(-1) && k.size(-2) == v.size(-2),
      "scaled_dot_product_attention: queries ", q.sizes(), ", keys ", k.sizes(), " and values ", v.sizes(),
      " do not fit");
  TORCH_CHECK(!mask || !causal, "scaled_dot_product_attention takes a mask or is_causal, not both");
  const auto heads = [](const Tensor& x) { return x.sizes().slice(0, x.dim() - 2); };
  if (grouped) {
    TORCH_CHECK(
        k.dim() > 2 && q.dim() > 2 && k.size(-3) > 0 && q.size(-3) % k.size(-3) == 0 && heads(k) == heads(v),
        "scaled_dot_product_attention: ", q.sizes(), " queries can not be grouped for ", k.sizes(),
        " keys and ", v.sizes(), " values");
  }
  auto sizes = grouped ? heads(q).vec() : at::infer_size(at::infer_size(heads(q), heads(k)), heads(v));
  sizes.insert(sizes.end(), {q.size(-2), k.size(-2)});
  if (mask && mask->defined()) at::infer_size(mask->sizes(), sizes);  // throws if they do not fit
  sizes.back() = v.size(-1);
  const bool fused = q.dim() == 4 && q.sizes() == sizes && (grouped || heads(q) == heads(k)) &&
                     q.stride(-1) == 1 && k.stride(-1) == 1 && v.stride(-1) == 1;
  return fused ? at::empty_like(q) : at::empty(sizes, q.options());
}

bool is_missing(const c10::OperatorHandle& op) {
  using Key = c10::DispatchKey;
  for (const Key key : {Key::Meta, Key::CompositeExplicitAutograd,
                        Key::CompositeExplicitAutogradNonFunctional, Key::CompositeImplicitAutograd}) {
    if (op.hasKernelForDispatchKey(key)) return false;
  }
  return true;
}

/// libtorch marks most of its pointwise operators as such; these are the others.
bool is_pointwise(const c10::OperatorHandle& op) {
  static const std::set<std::string> more = {"aten::_prelu_kernel", "aten::complex",  "aten::floor_divide",
                                             "aten::hardswish",     "aten::hardtanh", "aten::polar",
                                             "aten::where"};
  return op.hasTag(at::Tag::pointwise) || more.contains(op.schema().name());
}

void register_all() {
  // Never destroyed, so that the kernels stay registered until the program ends.
  static auto& library =
      *new torch::Library(torch::Library::IMPL, "aten", c10::DispatchKey::Meta, __FILE__, __LINE__);
  c10::Dispatcher& dispatcher = c10::Dispatcher::singleton();
  const auto add = [&](const char* name, const char* overload, auto* function) {
    const auto op = dispatcher.findSchema({std::string("aten::") + name, overload});
    if (!op || op->hasKernelForDispatchKey(c10::DispatchKey::Meta)) return;
    library.impl(*overload ? (std::string(name) + "." + overload).c_str() : name, function);
  };
  add("convolution_overrideable", "", convolution);
  add("native_layer_norm", "", layer_norm);
  add("native_group_norm", "", group_norm);
  add("native_batch_norm", "", batch_norm);
  add("index_select", "", index_select);
  add("flip", "", flip);
  add("roll", "", roll);
  add("_adaptive_avg_pool2d", "", adaptive_avg_pool2d);
  add("max", "", extreme);
  add("min", "", extreme);
  add("std", "correction", deviation);
  add("var", "correction", deviation);
  add("std_mean", "correction", deviation_and_mean);
  add("var_mean", "correction", deviation_and_mean);
  add("scaled_dot_product_attention", "", attention);

  for (const c10::OperatorName& name : dispatcher.getAllOpNamesForDispatchKey(c10::DispatchKey::CPU)) {
    if (!name.name.starts_with("aten::")) continue;
    const auto op = dispatcher.findSchema(name);
    // libtorch's message for item() is known to reason_of().
    if (!op || name.name == "aten::_local_scalar_dense" || !is_missing(*op) || !can_run_on_cpu(*op)) continue;
    const std::string full = c10::toString(name).substr(6);
    if (op->hasTag(at::Tag::data_dependent_output) || op->hasTag(at::Tag::dynamic_output_shape)) {
      library.impl(full.c_str(), torch::CppFunction::makeFromBoxedFunction<&reject_values>());
    } else if (is_pointwise(*op)) {
      library.impl(full.c_str(), torch::CppFunction::makeFromBoxedFunction<&find_shape_of_pointwise>());
    } else {
      library.impl(full.c_str(), torch::CppFunction::makeFromBoxedFunction<&find_shape_on_cpu>());
    }
  }
}

}  // namespace

void register_meta_kernels() {
  [[maybe_unused]] static const bool once = (register_all(), true);
}

}  // namespace flam
