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

at::Tensor LatentAttention::operator()(const at::Tensor& queries, const KeyValue& kv,
                                       const at::Tensor& mask) const {
  const int64_t rows = queries.size(0), length = queries.size(1);
  const int64_t batch = kv.key.size(0), shared = rows / batch * length;
  const at::Tensor q = split_heads(to_q_(queries).view({batch, shared, -1}), num_heads_);
  const at::Tensor seen =
      attend(q, kv.key, kv.value, mask.defined() ? mask.view({batch, 1, shared, -1}) : mask);
  return to_out_(merge_heads(seen).view({rows, length, -1}));
}

LatentFeedForward::LatentFeedForward(const WeightScope& weights, int64_t width, int64_t mult)
    : norm_(weights, "0", width),
      up_(weights, "1", width, mult * width, kNoBias),
      down_(weights, "3", mult * width, width, kNoBias) {}

at::Tensor LatentFeedForward::operator()(const at::Tensor& x) const {
  return down_(activate(up_(norm_(x)), Activation::gelu));
}

}  // namespace flam
