#include "framework/nn/latent_attention.h"

#include "framework/nn/attention.h"

namespace flam {

namespace {
constexpr LinearOptions kNoBias{.bias = false};
}

LatentAttention::LatentAttention(const WeightScope& weights, int64_t query_width, int64_t media_width,
                                 int64_t num_heads, int64_t dim_head)
    : num_heads_(num_heads),
      to_q_(weights, "to_q", query_width, num_heads * dim_head, kNoBias),
      to_kv_(Linear::fused(weights, "to_kv", media_width, {num_heads * dim_head, num_heads * dim_head},
                           kNoBias)),
      to_out_(weights, "to_out", num_heads * dim_head, query_width, kNoBias) {}

LatentAttention::KeyValue LatentAttention::keys_and_values(const at::Tensor& media) const {
  const auto kv = to_kv_(media).chunk(2, -1);
  return {split_heads(kv[0], num_heads_), split_heads(kv[1], num_heads_)};
}

// Rows that share keys become rows of one product: [R,L,D] → [B,H,R/B·L,d].
at::Tensor LatentAttention::project(const at::Tensor& queries, int64_t batch) const {
  return split_heads(to_q_(queries).view({batch, queries.size(0) / batch * queries.size(1), -1}), num_heads_);
}

AttentionMask LatentAttention::for_batch(AttentionMask mask, int64_t batch) {
  mask.causal = false;  // the rows of one media row become one row
  for (at::Tensor* part : {&mask.allowed, &mask.blind})
    if (part->defined()) *part = part->view({batch, 1, -1, part->size(-1)});
  return mask;
}

at::Tensor LatentAttention::operator()(const at::Tensor& queries, const KeyValue& kv,
                                       const AttentionMask& mask) const {
  const int64_t batch = kv.key.size(0);
  const at::Tensor seen = attend(project(queries, batch), kv.key, kv.value, for_batch(mask, batch));
  return to_out_(merge_heads(seen).view({queries.size(0), queries.size(1), -1}));
}

at::Tensor LatentAttention::weights(const at::Tensor& queries, const KeyValue& kv,
                                    const AttentionMask& mask) const {
  const int64_t batch = kv.key.size(0), rows = queries.size(0), length = queries.size(1);
  const at::Tensor all = attention_weights(project(queries, batch), kv.key, for_batch(mask, batch));
  return all.view({batch, num_heads_, rows / batch, length, -1}).transpose(1, 2).flatten(0, 1);
}

LatentFeedForward::LatentFeedForward(const WeightScope& weights, int64_t width, int64_t mult)
    : norm_(weights, "0", width),
      up_(weights, "1", width, mult * width, kNoBias),
      down_(weights, "3", mult * width, width, kNoBias) {}

at::Tensor LatentFeedForward::operator()(const at::Tensor& x) const {
  return down_(activate(up_(norm_(x)), Activation::gelu));
}

}  // namespace flam
