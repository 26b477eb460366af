#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

/// cos and sin [R,L,head_dim] in float32 for positions [R,L], halves layout (Hugging Face
/// LlamaRotaryEmbedding).
struct RotaryTable {
  at::Tensor cos, sin;
};
FLAM_API RotaryTable rotary_table(const at::Tensor& positions, int64_t head_dim, double base);
/// x [R,H,L,d] rotated (rotate_half).
FLAM_API at::Tensor apply_rotary(const at::Tensor& x, const RotaryTable& table);

}  // namespace flam
