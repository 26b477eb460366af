#pragma once
#include <ATen/core/Tensor.h>

#include "framework/nn/attention_mask.h"
#include "framework/nn/kv_cache.h"

namespace flam {

/// Scaled dot-product attention. q [B,H,L,d], k and v [B,H,S,d], or with fewer heads, of which each serves a
/// group of queries' heads. `mask` may be given as a bool tensor (AttentionMask). → [B,H,L,d].
FLAM_API at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const AttentionMask& mask);

/// The attention weights of attend(): softmax over S, float32 [B,H,L,S]. For recording only, because it does
/// not use the fused kernel.
FLAM_API at::Tensor attention_weights(const at::Tensor& q, const at::Tensor& k, const AttentionMask& mask);

/// Attention of a decoder layer through its cache: q [R,H,L,d] against the prompt segment (shared by beams)
/// and the tail (causal within it), or in the rest of a prompt whose beginning is kept, against that prompt
/// under the mask of the cache. Grouped-query: H is a multiple of the cache's heads. → [R,H,L,d].
FLAM_API at::Tensor attend_cached(const at::Tensor& q, const KVCache::Segments& kv, const KVCache& cache);

/// [B,L,H·d] → [B,H,L,d], and the inverse.
FLAM_API at::Tensor split_heads(const at::Tensor& x, int64_t heads);
FLAM_API at::Tensor merge_heads(const at::Tensor& x);

}  // namespace flam
