#include "framework/nn/flops.h"

#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>

namespace flam {

namespace {

using Tensors = std::vector<at::Tensor>;
using Flops = int64_t (*)(const Tensors& in, const at::Tensor& out);

constexpr size_t kPlaceOfTransposed = 6;  // among the inputs of aten::convolution and aten::_convolution

int64_t of_rows(const Tensors& in, const at::Tensor& out) {
  return in[0].dim() > 0 ? 2 * out.numel() * in[0].size(-1) : 0;
}
int64_t of_added_rows(const Tensors& in, const at::Tensor& out) {
  return 2 * out.numel() * in[1].size(-1);
}
int64_t of_added_batch(const Tensors& in, const at::Tensor&) {
  return 2 * in[1].numel() * in[2].size(-1);
}
int64_t of_transposed_convolution(const Tensors& in, const at::Tensor&) {
  return 2 * in[0].numel() * (in[1].numel() / std::max<int64_t>(in[1].size(0), 1));
}
int64_t of_convolution(const Tensors& in, const at::Tensor& out) {
  return 2 * out.numel() * (in[1].numel() / std::max<int64_t>(in[1].size(0), 1));
}
/// Every row of the input, one for each step of each sequence, is multiplied with all matrices: those of each
/// layer and direction for what comes in, for the state, and for a projection of it. States have three
/// dimensions.
int64_t of_recurrent_layers(const Tensors& in, const at::Tensor&) {
  int64_t weights = 0;
  for (size_t i = 1; i < in.size(); ++i) weights += in[i].dim() == 2 ? in[i].numel() : 0;
  return 2 * (in[0].numel() / std::max<int64_t>(in[0].size(-1), 1)) * weights;
}
int64_t of_attention(const Tensors& in, const at::Tensor& out) {
  return 2 * (in[0].numel() + out.numel()) * in[1].size(-2);
}
int64_t of_attention_step(const Tensors& in, const at::Tensor& out) {
  return 4 * out.numel() * (in[1].size(-2) + in[3].size(-2));
}

struct Product {
  Flops flops;
  size_t tensors = 2;  // that it takes at least
};

const Product* product_named(std::string_view name) {
  static const std::map<std::string_view, Product> products = [] {
    std::map<std::string_view, Product> out;
    for (const char* one :
         {"aten::linear", "aten::matmul", "aten::mm", "aten::bmm", "aten::mv", "aten::dot", "aten::vdot",
          "aten::inner", "flam::few_rows_product", "flam::many_rows_product", "flam::quantized_product"})
      out[one] = {of_rows};
    for (const char* one : {"aten::addmm", "aten::addmm_", "aten::_addmm_activation", "aten::baddbmm",
                            "aten::baddbmm_", "aten::addmv", "aten::addmv_"})
      out[one] = {of_added_rows, 3};
    for (const char* one : {"aten::addbmm", "aten::addbmm_"}) out[one] = {of_added_batch, 3};
    for (const char* one :
         {"aten::conv1d", "aten::conv2d", "aten::conv3d", "aten::convolution", "aten::_convolution"})
      out[one] = {of_convolution};
    for (const char* one : {"aten::conv_transpose1d", "aten::conv_transpose2d", "aten::conv_transpose3d"})
      out[one] = {of_transposed_convolution};
    for (const char* one : {"aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"})
      out[one] = {of_recurrent_layers, 3};
    for (const char* one : {"aten::scaled_dot_product_attention", "aten::_scaled_dot_product_flash_attention",
                            "aten::_scaled_dot_product_flash_attention_for_cpu",
                            "aten::_scaled_dot_product_efficient_attention", "flam::attention_prompt"})
      out[one] = {of_attention, 3};
    out["flam::attention_step"] = {of_attention_step, 5};
    return out;
  }();
  const auto found = products.find(name);
  return found == products.end() ? nullptr : &found->second;
}

}  // namespace

bool is_product(std::string_view name) {
  return product_named(name) != nullptr;
}

OperatorInput OperatorInput::of(const at::RecordFunction& function) {
  OperatorInput out;
  const auto values = function.inputs();
  for (const c10::IValue& value : values) {
    if (value.isTensor() && value.toTensor().defined()) out.tensors.push_back(value.toTensor());
    if (!value.isTensorList()) continue;
    for (const at::Tensor& tensor : value.toTensorVector())
      if (tensor.defined()) out.tensors.push_back(tensor);
  }
  const std::string_view name = function.name();
  if (name == "aten::convolution" || name == "aten::_convolution")
    out.transposed = values.size() > kPlaceOfTransposed && values[kPlaceOfTransposed].isBool() &&
                     values[kPlaceOfTransposed].toBool();
  return out;
}

int64_t product_flops(std::string_view name, const OperatorInput& in, const at::Tensor& out) {
  const Product* const product = product_named(name);
  if (!product || in.tensors.size() < product->tensors || !out.defined()) return 0;
  return in.transposed ? of_transposed_convolution(in.tensors, out) : product->flops(in.tensors, out);
}

/// Sees the operators that a thread with a FlopScope calls.
struct FlopCallbacks {
  static inline thread_local FlopScope* innermost = nullptr;
  static inline thread_local uint64_t handle = 0;
  static inline thread_local int depth = 0;  // products that are being computed

  /// A product under way, with what it was given.
  struct Context : at::ObserverContext {
    OperatorInput in;
  };

  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    if (!is_product(function.name())) return nullptr;
    auto context = std::make_unique<Context>();
    if (depth++ == 0) context->in = OperatorInput::of(function);
    return context;
  }

  static void end(const at::RecordFunction& function, at::ObserverContext* context) {
    if (!context || --depth > 0) return;
    const auto& outputs = function.outputs();
    if (outputs.empty() || !outputs.front().isTensor()) return;
    const int64_t flops =
        product_flops(function.name(), static_cast<Context*>(context)->in, outputs.front().toTensor());
    for (FlopScope* scope = innermost; scope; scope = scope->outer_) {
      if (__builtin_add_overflow(scope->flops_, flops, &scope->flops_))
        scope->flops_ = std::numeric_limits<int64_t>::max();
    }
  }
};

FlopScope::FlopScope() : outer_(FlopCallbacks::innermost) {
  if (!outer_) {
    FlopCallbacks::handle =
        at::addThreadLocalCallback(at::RecordFunctionCallback(&FlopCallbacks::begin, &FlopCallbacks::end)
                                       .needsInputs(true)
                                       .needsOutputs(true)
                                       .scopes({at::RecordScope::FUNCTION}));
  }
  FlopCallbacks::innermost = this;
}
FlopScope::~FlopScope() {
  FlopCallbacks::innermost = outer_;
  if (!outer_) at::removeCallback(FlopCallbacks::handle);
}

}  // namespace flam
