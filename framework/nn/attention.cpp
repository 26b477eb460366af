#include "framework/nn/attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <optional>

#include "framework/nn/kernels/attention_prompt.h"
#include "framework/nn/kernels/attention_step.h"

namespace flam {

namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

double scale_of(const at::Tensor& q) {
  return 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
}

}  // namespace

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionMask& mask) {
  const bool unmasked = mask.causal || !mask.allowed.defined();  // but for the keys after each query
  if (unmasked && kernels::takes_attention_prompt(q, k, v))
    return kernels::attention_prompt(q, k, v, mask.causal);
  if (const int64_t group = q.size(1) / k.size(1); group > 1) {
    const at::Tensor wide_k = k.repeat_interleave(group, 1), wide_v = v.repeat_interleave(group, 1);
    return attend(q, wide_k, wide_v, mask);
  }
  if (unmasked) return at::scaled_dot_product_attention(q, k, v, std::nullopt, 0, mask.causal);
  // A zero query that attends to everything gives the mean and correct gradients in every kernel and dtype.
  return at::scaled_dot_product_attention(mask.blind.defined() ? q.masked_fill(mask.blind, 0) : q, k, v,
                                          mask.allowed);
}

at::Tensor attention_weights(const at::Tensor& q, const at::Tensor& k, const AttentionMask& mask) {
  const int64_t group = q.size(1) / k.size(1);
  const at::Tensor keys = group > 1 ? k.repeat_interleave(group, 1) : k;
  at::Tensor scores = at::matmul(q, keys.transpose(-2, -1)).to(at::kFloat) * scale_of(q);
  if (mask.allowed.defined()) scores = scores.masked_fill(mask.allowed.bitwise_not(), kHidden);
  if (mask.blind.defined()) scores = scores.masked_fill(mask.blind, 0);
  return at::softmax(scores, -1);
}

at::Tensor attend_cached(const at::Tensor& q, const KVCache::Segments& kv, const KVCache& cache) {
  if (cache.continued_mask().allowed.defined())
    return attend(q, kv.prompt_key, kv.prompt_value, cache.continued_mask());
  const int64_t rows = q.size(0), heads = q.size(1), length = q.size(2), width = q.size(3);
  const int64_t batch = kv.prompt_key.size(0), kv_heads = kv.prompt_key.size(1), group = heads / kv_heads;
  const int64_t beams = rows / batch;
  const int64_t prompt = kv.prompt_key.size(2), tail = kv.tail_key.size(2);
  if (kernels::takes_attention_step(q, kv, cache)) return kernels::attention_step(q, kv, cache);
  if (length == 1 && kv.key.defined()) {  // the queries of a group become rows of one head
    const at::Tensor bias = cache.bias(kv.key.size(2)).to(q.scalar_type());
    return at::scaled_dot_product_attention(q.reshape({rows, kv_heads, group, width}), kv.key, kv.value, bias)
        .reshape({rows, heads, length, width});
  }

  const at::Tensor by_row = (q * scale_of(q)).reshape({rows, kv_heads, group * length, width});
  // All beams share the prompt's keys, so their queries become rows of one product.
  const at::Tensor by_prompt = by_row.view({batch, beams, kv_heads, group * length, width})
                                   .transpose(1, 2)
                                   .reshape({batch, kv_heads, beams * group * length, width});
  at::Tensor prompt_scores =
      at::matmul(by_prompt, kv.prompt_key.transpose(-2, -1)).to(at::kFloat) + cache.prompt_bias();
  prompt_scores = prompt_scores.view({batch, kv_heads, beams, group * length, prompt})
                      .transpose(1, 2)
                      .reshape({rows, kv_heads, group * length, prompt});
  at::Tensor tail_scores = at::matmul(by_row, kv.tail_key.transpose(-2, -1)).to(at::kFloat);
  if (const at::Tensor hidden = cache.tail_bias(); hidden.defined()) {
    tail_scores = tail_scores + hidden;
  } else if (length > 1) {
    const at::Tensor later = at::ones({length, tail}, q.options().dtype(at::kBool)).triu(tail - length + 1);
    tail_scores = tail_scores.view({rows, kv_heads, group, length, tail})
                      .masked_fill(later, kHidden)
                      .view({rows, kv_heads, group * length, tail});
  }

  const at::Tensor weights = at::softmax(at::cat({prompt_scores, tail_scores}, -1), -1).to(q.scalar_type());
  at::Tensor out = at::matmul(weights.narrow(-1, prompt, tail), kv.tail_value);
  const at::Tensor on_prompt = weights.narrow(-1, 0, prompt)
                                   .view({batch, beams, kv_heads, group * length, prompt})
                                   .transpose(1, 2)
                                   .reshape({batch, kv_heads, beams * group * length, prompt});
  out = out + at::matmul(on_prompt, kv.prompt_value)
                  .view({batch, kv_heads, beams, group * length, width})
                  .transpose(1, 2)
                  .reshape({rows, kv_heads, group * length, width});
  return out.view({rows, heads, length, width});
}

at::Tensor split_heads(const at::Tensor& x, int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
}

at::Tensor merge_heads(const at::Tensor& x) {
  return x.transpose(1, 2).reshape({x.size(0), x.size(2), -1});
}

}  // namespace flam
