#include "framework/nn/attention_mask.h"

#include <ATen/TensorOperators.h>

#include <cstring>

namespace flam {

namespace {

bool is_causal(const at::Tensor& mask) {
  const int64_t length = mask.size(-1);
  if (mask.dim() < 2 || mask.size(-2) != length || !mask.is_contiguous()) return false;
  const bool* row = mask.const_data_ptr<bool>();
  for (int64_t i = 0; i < mask.numel() / length; ++i, row += length) {
    const int64_t seen = i % length + 1;
    if (std::memchr(row, false, seen) || std::memchr(row + seen, true, length - seen)) return false;
  }
  return true;
}

}  // namespace

AttentionMask::AttentionMask(const at::Tensor& mask) : allowed(mask) {
  if (!mask.defined()) return;
  // Other devices would have to wait for the answers to both questions.
  const bool can_look = mask.is_cpu();
  causal = can_look && is_causal(mask);
  if (causal) return;
  blind = mask.any(-1, true).bitwise_not();
  if (can_look && !blind.any().item<bool>()) {
    blind.reset();
  } else {
    allowed = mask | blind;
  }
}

}  // namespace flam
