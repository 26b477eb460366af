// Operators for which the boxed fallback is not enough: they allocate, make views, move data or choose
// kernels.
#include <ATen/EmptyTensor.h>
#include <ATen/autocast_mode.h>
#include <ATen/native/transformers/attention.h>
#include <ATen/native/transformers/sdp_utils_cpp.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <c10/core/GradMode.h>
#include <torch/library.h>

#include "tests/fake_device/memory.h"

namespace flam::test {

namespace {

using Ints = c10::SymIntArrayRef;
constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::PrivateUse1);

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, fake_allocator(), kKeys, c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, fake_allocator(), kKeys,
                                           c10::dtype_or_default(dtype));
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  if (from.is_cpu() || to.is_cpu()) {
    // A copy to the host has no memory that the device could write to later.
    if (!non_blocking || to.is_cpu()) count_synchronisation();
    count_copy(from.nbytes());
  } else {
    count_operator("aten::copy_");
  }
  on_host(to).copy_(on_host(from));
  return to;
}

at::Scalar item(const at::Tensor& tensor) {
  count_synchronisation();
  count_copy(tensor.nbytes());
  return on_host(tensor).item();
}

at::Tensor as_strided(const at::Tensor& self, Ints size, Ints stride, std::optional<c10::SymInt> offset) {
  return alias(self, C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
               offset ? offset->guard_int(__FILE__, __LINE__) : self.storage_offset());
}

at::Tensor like(const at::Tensor& self, const at::Tensor& view) {
  return alias(self, view.sizes(), view.strides(), view.storage_offset());
}

at::Tensor view(const at::Tensor& self, Ints size) {
  return like(self, on_host(self).view(C10_AS_INTARRAYREF_SLOW(size)));
}

at::Tensor unfold(const at::Tensor& self, int64_t dimension, int64_t size, int64_t step) {
  return like(self, on_host(self).unfold(dimension, size, step));
}

at::Tensor reshape_alias(const at::Tensor& self, Ints size, Ints stride) {
  return alias(self, C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride), self.storage_offset());
}

at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias, at::IntArrayRef stride, at::IntArrayRef padding,
                       at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding,
                       int64_t groups) {
  count_operator("aten::convolution");
  const std::optional<at::Tensor> host_bias = bias ? std::optional(on_host(*bias)) : std::nullopt;
  return on_fake_device(at::convolution(on_host(input), on_host(weight), host_bias, stride, padding, dilation,
                                        transposed, output_padding, groups));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(
    const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight, at::IntArrayRef stride,
    at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding,
    int64_t groups, std::array<bool, 3> wanted) {
  count_operator("aten::convolution_backward");
  const auto [to_input, to_weight, to_bias] =
      at::convolution_backward(on_host(gradient), on_host(input), on_host(weight), weight.size(0), stride,
                               padding, dilation, transposed, output_padding, groups, wanted);
  return {on_fake_device(to_input), on_fake_device(to_weight), on_fake_device(to_bias)};
}

/// Without gradients, attention is one kernel, as on CUDA. Its backward is made of the operators of the
/// formula.
int64_t choose_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                         const std::optional<at::Tensor>&, double, bool, std::optional<double>, bool) {
  const bool differentiated =
      at::GradMode::is_enabled() && (query.requires_grad() || key.requires_grad() || value.requires_grad());
  return static_cast<int64_t>(differentiated ? sdp::SDPBackend::math : sdp::SDPBackend::overrideable);
}

std::tuple<at::Tensor, at::Tensor, at::Tensor, at::Tensor, c10::SymInt, c10::SymInt, at::Tensor, at::Tensor,
           at::Tensor>
attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
          const std::optional<at::Tensor>& bias, double dropout, bool causal, bool,
          std::optional<double> scale) {
  count_operator("aten::_scaled_dot_product_attention");
  const std::optional<at::Tensor> host_bias =
      bias && bias->defined() ? std::optional(on_host(*bias)) : std::nullopt;
  const at::Tensor out = at::scaled_dot_product_attention(on_host(query), on_host(key), on_host(value),
                                                          host_bias, dropout, causal, scale);
  return {on_fake_device(out), {}, {}, {}, query.sym_size(2), key.sym_size(2), {}, {}, {}};
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", TORCH_FN(empty));
  library.impl("empty_strided", TORCH_FN(empty_strided));
  library.impl("_copy_from", TORCH_FN(copy_from));
  library.impl("_local_scalar_dense", TORCH_FN(item));
  library.impl("as_strided", TORCH_FN(as_strided));
  library.impl("view", TORCH_FN(view));
  library.impl("unfold", TORCH_FN(unfold));
  library.impl("_reshape_alias", TORCH_FN(reshape_alias));
  library.impl("convolution_overrideable", TORCH_FN(convolution));
  library.impl("convolution_backward_overrideable", TORCH_FN(convolution_backward));
  library.impl("_scaled_dot_product_fused_attention_overrideable", TORCH_FN(attention));
}

// The operators that autocast runs in bfloat16 and those that it runs in float32, as on CUDA.
TORCH_LIBRARY_IMPL(_, AutocastPrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFallthrough());
}
TORCH_LIBRARY_IMPL(aten, AutocastPrivateUse1, m) {
#define LOWER(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, lower_precision_fp)
#define FLOAT32(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, fp32)
  AT_FORALL_LOWER_PRECISION_FP(LOWER)
  AT_FORALL_FP32(FLOAT32)
#undef LOWER
#undef FLOAT32
}

}  // namespace flam::test

namespace at::native {
REGISTER_PRIVATEUSE1_DISPATCH(_fused_sdp_choice_stub, &flam::test::choose_attention)
}  // namespace at::native
