#pragma once
#include <ATen/core/Tensor.h>

#include "framework/nn/kv_cache.h"

namespace flam::kernels {

/// Whether attention_step() takes these: one token per row, in CPU memory, all float32 or all bfloat16, a
/// growing tail, and no gradient is recorded.
FLAM_API bool takes_attention_step(const at::Tensor& q, const KVCache::Segments& kv, const KVCache& cache);

/// attend_cached() for one token per row, in one pass: q [R,H,1,d] → [R,H,1,d]. Scores, softmax and sums are
/// float32, and results of bfloat16 are rounded once.
FLAM_API at::Tensor attention_step(const at::Tensor& q, const KVCache::Segments& kv, const KVCache& cache);

}  // namespace flam::kernels
