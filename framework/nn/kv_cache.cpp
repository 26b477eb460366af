#include "framework/nn/kv_cache.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

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
    return at::empty({rows, layout_.num_key_value_heads, length, layout_.head_dim}, options_);
  };
  for (int64_t i = 0; i < layout_.num_layers; ++i) {
    layers_.push_back({room(batch_, prompt_length_), room(batch_, prompt_length_),
                       room(batch_ * beams_, max_new_tokens_), room(batch_ * beams_, max_new_tokens_)});
  }
  if (tail_ == Tail::growing) return;
  // Masked values are multiplied by 0, and 0 · NaN would be NaN.
  for (const Segments& all : layers_) {
    all.tail_key.zero_();
    all.tail_value.zero_();
  }
}

void KVCache::require_room(int64_t tokens) const {
  if (tail_length_ + tokens <= max_new_tokens_) return;
  throw RunError(cat("the cache has room for ", max_new_tokens_, " new tokens, but ", tail_length_ + tokens,
                     " were generated"));
}

KVCache::Segments KVCache::append(int64_t layer, const at::Tensor& key, const at::Tensor& value) {
  const Segments& all = layers_.at(layer);
  if (!in_tail_) {
    all.prompt_key.copy_(key);
    all.prompt_value.copy_(value);
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
  return {all.prompt_key, all.prompt_value, all.tail_key.narrow(2, 0, tail_length_ + added),
          all.tail_value.narrow(2, 0, tail_length_ + added)};
}

void KVCache::begin_tail(at::Tensor prompt_mask) {
  prompt_mask_ = std::move(prompt_mask);
  prompt_bias_ = at::zeros({batch_, 1, 1, prompt_length_}, options_.dtype(at::kFloat));
  prompt_bias_.masked_fill_(prompt_mask_.bitwise_not().view({batch_, 1, 1, prompt_length_}),
                            std::numeric_limits<float>::lowest());
  in_tail_ = true;
  if (tail_ == Tail::growing) return;
  tail_end_ = at::zeros({1}, options_.dtype(at::kLong));
  // One more element than there is room for tokens, so that advance() can move past the last token.
  tail_bias_ =
      at::full({max_new_tokens_ + 1}, -std::numeric_limits<float>::infinity(), options_.dtype(at::kFloat));
  tail_bias_.index_fill_(0, tail_end_, 0);
}

at::Tensor KVCache::tail_bias() const {
  return tail_bias_.defined() ? tail_bias_.narrow(0, 0, max_new_tokens_) : at::Tensor();
}

void KVCache::advance(int64_t tokens) {
  tail_length_ += tokens;
  if (tail_ == Tail::growing) return;
  tail_end_.add_(tokens);
  tail_bias_.index_fill_(0, tail_end_, 0);
}

void KVCache::reorder(const at::Tensor& source) {
  for (const Segments& all : layers_) {
    for (const at::Tensor& tail : {all.tail_key, all.tail_value}) {
      const at::Tensor generated = tail.narrow(2, 0, tail_length_);
      generated.copy_(generated.index_select(0, source));
    }
  }
}

}  // namespace flam
