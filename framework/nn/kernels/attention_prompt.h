#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam::kernels {

/// Whether attention_prompt() takes these: bfloat16 in CPU memory, enough queries, a machine on which it is
/// faster than libtorch, and no gradient is recorded.
FLAM_API bool takes_attention_prompt(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

/// Softmax attention of q [B,H,L,d] to k and v [B,K,S,d], H a multiple of K → [B,H,L,d]. causal: query i sees
/// the keys up to i; L = S. Scores and sums are float32; the weights are rounded before they meet the values,
/// as in libtorch's fused kernel.
FLAM_API at::Tensor attention_prompt(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                     bool causal);

}  // namespace flam::kernels
