#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam::kernels {

/// Whether the functions below take x: contiguous in CPU memory, float32 or bfloat16, with elements, and no
/// gradient is recorded. Their other tensors must be contiguous and of the same dtype.
FLAM_API bool takes_pointwise(const at::Tensor& x);

/// x / rms(x) · weight for rows [..,width]. Sums are float32; bfloat16 is rounded before and after the
/// product with the weight, as in Hugging Face's LlamaRMSNorm.
FLAM_API at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// GELU with the tanh approximation, rounded once.
FLAM_API at::Tensor gelu_tanh(const at::Tensor& x);

/// x · sigmoid(1.702·x); bfloat16 is rounded after each of the three operators, as in Hugging Face's CLIP.
FLAM_API at::Tensor quick_gelu(const at::Tensor& x);

/// Whether silu_product() takes these: as above, but rows may lie apart, as the halves of one product do.
FLAM_API bool takes_silu_product(const at::Tensor& gate, const at::Tensor& up);

/// silu(gate) · up; bfloat16 is rounded before and after the product.
FLAM_API at::Tensor silu_product(const at::Tensor& gate, const at::Tensor& up);

/// Whether rotary() takes these: x in CPU memory, float32 or bfloat16, with contiguous heads, cos and sin
/// contiguous and of the same dtype, and no gradient is recorded.
FLAM_API bool takes_rotary(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);

/// apply_rotary(): x [R,H,L,d], cos and sin [R,L,d] → [R,H,L,d]; bfloat16 is rounded after the product with
/// cos and after the sum.
FLAM_API at::Tensor rotary(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);

}  // namespace flam::kernels
