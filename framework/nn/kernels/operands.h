#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

namespace flam::kernels {

/// Whether a tensor is contiguous and in CPU memory.
inline bool is_plain(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.device().is_cpu() && tensor.scalar_type() == dtype && tensor.layout() == at::kStrided &&
         tensor.is_contiguous();
}

/// Whether x [...,K] · weight [N,K]ᵀ + bias [N] is a product of plain tensors of one dtype, float32 or
/// bfloat16, with at least one row, and no gradient is recorded. `bias` may be undefined.
inline bool is_plain_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const at::ScalarType dtype = x.scalar_type();
  if (dtype != at::kFloat && dtype != at::kBFloat16) return false;
  if (x.dim() == 0 || weight.dim() != 2 || x.size(-1) != weight.size(1) || x.numel() == 0) return false;
  if (at::GradMode::is_enabled()) return false;
  return is_plain(x, dtype) && is_plain(weight, dtype) && (!bias.defined() || is_plain(bias, dtype));
}

}  // namespace flam::kernels
