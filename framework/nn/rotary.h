#pragma once
#include <ATen/core/Tensor.h>

#include <utility>

#include "framework/base/export.h"

namespace flam {

/// How the frequencies of rotary positions are changed for a longer context (Hugging Face `rope_scaling`).
/// linear: divided by `factor`. llama3: only slow frequencies, those that turn less than `low_freq_factor`
/// times within `original_max_position_embeddings` tokens, are divided; those that turn more than
/// `high_freq_factor` times are kept; in between, the result is interpolated linearly by the number of turns.
struct RopeScaling {
  enum class Type { none, linear, llama3 };
  Type type = Type::none;
  double factor = 1;
  double low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 8192;
};

/// cos and sin [R,L,head_dim] in float32 for positions [R,L], halves layout (Hugging Face
/// LlamaRotaryEmbedding).
struct RotaryTable {
  at::Tensor cos, sin;
};
FLAM_API RotaryTable rotary_table(const at::Tensor& positions, int64_t head_dim, double base,
                                  const RopeScaling& scaling = {});
/// x [R,H,L,d] rotated (rotate_half).
FLAM_API at::Tensor apply_rotary(const at::Tensor& x, const RotaryTable& table);
/// Queries and keys rotated, both at once if they are neighbours in one tensor (StackedLinear).
FLAM_API std::pair<at::Tensor, at::Tensor> apply_rotary(const at::Tensor& q, const at::Tensor& k,
                                                        const RotaryTable& table);

}  // namespace flam
