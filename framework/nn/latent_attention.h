#pragma once
// Blocks shared by Flamingo's resampler and gated layers: attention to keys from another sequence, and the
// feed-forward after it.

#include "framework/nn/attention_mask.h"
#include "framework/nn/layers.h"

namespace flam {

/// Multi-head attention without biases, heads · dim_head wide inside: to_q, to_kv (fused: keys, values),
/// to_out. The caller applies norms. (Flamingo, appendix A.1; OpenFlamingo's PerceiverAttention and
/// MaskedCrossAttention.)
class FLAM_API LatentAttention {
 public:
  struct KeyValue {
    at::Tensor key, value;  // [B,H,S,d]
  };

  LatentAttention(const WeightScope& weights, int64_t query_width, int64_t media_width, int64_t num_heads,
                  int64_t dim_head);
  /// [B,S,media_width] → keys and values
  KeyValue keys_and_values(const at::Tensor& media) const;
  /// queries [R,L,query_width] → [R,L,query_width]. R is a multiple of B: the rows of one media row are
  /// adjacent and share its keys. `mask` is of [R,L,S].
  at::Tensor operator()(const at::Tensor& queries, const KeyValue& kv, const AttentionMask& mask = {}) const;
  /// The attention weights of that call, float32 [R,H,L,S], for a Probe that records attention.
  at::Tensor weights(const at::Tensor& queries, const KeyValue& kv, const AttentionMask& mask = {}) const;

 private:
  at::Tensor project(const at::Tensor& queries, int64_t batch) const;
  static AttentionMask for_batch(AttentionMask mask, int64_t batch);

  int64_t num_heads_;
  Linear to_q_, to_kv_, to_out_;
};

/// LayerNorm "0", Linear "1" to mult · width, GELU, Linear "3" back; no biases in the Linears.
class FLAM_API LatentFeedForward {
 public:
  LatentFeedForward(const WeightScope& weights, int64_t width, int64_t mult);
  at::Tensor operator()(const at::Tensor& x) const;  // [...,width] → [...,width]

 private:
  LayerNorm norm_;
  Linear up_, down_;
};

}  // namespace flam
