#include "framework/nn/kv_cache.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

namespace {
constexpr double kLowest = -3e38, kLowestHalf = -6e4;  // numbers of every dtype, and of float16
}

KVCache::KVCache(CacheLayout layout, int64_t batch, int64_t prompt_length, int64_t beams,
                 int64_t max_new_tokens, at::TensorOptions options, Tail tail)
    : layout_(layout),
      batch_(batch),
      prompt_length_(prompt_length),
      beams_(beams),
      max_new_tokens_(max_new_tokens),
      options_(options),
      tail_(tail) {
  const auto room = [&](int64_t rows, int64_t length) {
    return at::empty({layout_.num_layers, 2, rows, layout_.num_key_value_heads, length, layout_.head_dim},
                     options_);
  };
  at::Tensor both;
  if (beams_ == 1) {  // the segments are neighbours, so a step attends to them as one
    both = room(batch_, prompt_length_ + max_new_tokens_);
    prompts_ = both.narrow(4, 0, prompt_length_);
    tails_ = both.narrow(4, prompt_length_, max_new_tokens_);
  } else {
    prompts_ = room(batch_, prompt_length_);
    tails_ = room(batch_ * beams_, max_new_tokens_);
  }
  const auto part = [](const at::Tensor& all, int64_t layer, int64_t which) {
    return all.defined() ? all.select(0, layer).select(0, which) : at::Tensor();
  };
  for (int64_t i = 0; i < layout_.num_layers; ++i) {
    layers_.push_back({part(prompts_, i, 0), part(prompts_, i, 1), part(tails_, i, 0), part(tails_, i, 1),
                       part(both, i, 0), part(both, i, 1)});
  }
  // Masked values are multiplied by 0, and 0 · NaN would be NaN.
  if (tail_ == Tail::fixed) tails_.zero_();
}

void KVCache::require_room(int64_t tokens) const {
  if (tail_length_ + tokens <= max_new_tokens_) return;
  throw RunError(cat("the cache has room for ", max_new_tokens_, " new tokens, but ", tail_length_ + tokens,
                     " were generated"));
}

KVCache::Segments KVCache::append(int64_t layer, const at::Tensor& key, const at::Tensor& value) {
  const Segments& all = layers_.at(layer);
  if (!in_tail_) {
    const int64_t count = key.size(2), first = prompt_length_ - count;
    all.prompt_key.narrow(2, first, count).copy_(key);
    all.prompt_value.narrow(2, first, count).copy_(value);
    return {all.prompt_key, all.prompt_value, {}, {}};
  }
  const int64_t added = key.size(2);
  require_room(added);
  if (tail_ == Tail::fixed) {
    if (added != 1) throw RunError(cat("a fixed tail takes one token per step, found ", added));
    all.tail_key.index_copy_(2, tail_end_, key);
    all.tail_value.index_copy_(2, tail_end_, value);
    return all;
  }
  all.tail_key.narrow(2, tail_length_, added).copy_(key);
  all.tail_value.narrow(2, tail_length_, added).copy_(value);
  const int64_t tail = tail_length_ + added;
  const auto first = [](const at::Tensor& all, int64_t length) {
    return all.defined() ? all.narrow(2, 0, length) : all;
  };
  return {all.prompt_key,
          all.prompt_value,
          first(all.tail_key, tail),
          first(all.tail_value, tail),
          first(all.key, prompt_length_ + tail),
          first(all.value, prompt_length_ + tail)};
}

void KVCache::continue_prompt(const at::Tensor& kept, AttentionMask mask) {
  prompts_.narrow(4, 0, kept.size(4)).copy_(kept);
  continued_mask_ = std::move(mask);
}

void KVCache::begin_tail(at::Tensor prompt_mask) {
  if (tail_ == Tail::fixed && prompt_mask_.defined()) {
    prompt_mask_.copy_(prompt_mask);  // a recorded step may read it
  } else {
    prompt_mask_ = std::move(prompt_mask);
  }
  continued_mask_ = {};
  const at::ScalarType dtype = options_.device().is_cpu() ? at::kFloat : options_.dtype().toScalarType();
  // One more element than there is room for tokens, so that advance() can move past the last token.
  if (bias_.defined()) {
    bias_.zero_();
  } else {
    bias_ = at::zeros({batch_, 1, 1, prompt_length_ + max_new_tokens_ + 1}, options_.dtype(dtype));
    prompt_bias_ = bias_.narrow(3, 0, prompt_length_);
  }
  prompt_bias_.masked_fill_(prompt_mask_.bitwise_not().view({batch_, 1, 1, prompt_length_}),
                            dtype == at::kHalf ? kLowestHalf : kLowest);
  in_tail_ = true;
  if (tail_ == Tail::growing) return;
  if (!tail_end_.defined()) {
    tail_end_ = at::empty({1}, options_.dtype(at::kLong));
    tail_bias_ = bias_.narrow(3, prompt_length_, max_new_tokens_ + 1);
  }
  tail_end_.zero_();
  tail_bias_.fill_(-std::numeric_limits<double>::infinity());
  tail_bias_.index_fill_(3, tail_end_, 0);
}

void KVCache::restart() {
  tail_length_ = 0;
  in_tail_ = false;
  if (tail_ == Tail::fixed) tails_.zero_();  // as in the constructor
}

at::Tensor KVCache::tail_bias() const {
  return tail_bias_.defined() ? tail_bias_.narrow(0, 0, 1).narrow(3, 0, max_new_tokens_) : at::Tensor();
}

void KVCache::advance(int64_t tokens) {
  tail_length_ += tokens;
  if (tail_ == Tail::growing) return;
  tail_end_.add_(tokens);
  tail_bias_.index_fill_(3, tail_end_, 0);
}

void KVCache::reorder(const at::Tensor& source) {
  const at::Tensor generated = tails_.narrow(4, 0, tail_length_);
  generated.copy_(generated.index_select(2, source));
}

}  // namespace flam
