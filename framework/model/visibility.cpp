#include "framework/model/visibility.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros_like.h>

namespace flam {

namespace {

Visibility nothing_seen(const at::Tensor& text_time) {
  Visibility visibility;
  visibility.text_time = at::zeros_like(text_time, at::TensorOptions(), at::MemoryFormat::Contiguous);
  visibility.sees_nothing = true;
  return visibility;
}

}  // namespace

MediaCount MediaCount::of(const at::Tensor& media) {
  return media.defined() ? MediaCount{media.size(1), media.size(2)} : MediaCount{};
}

Visibility visibility_of(const MaskingRule& rule, const at::Tensor& text_time, MediaCount count) {
  Visibility visibility;
  visibility.text_time = text_time;
  if (count.media == 0) return visibility;
  const at::Tensor image =
      at::arange(1, count.media + 1, text_time.options()).repeat_interleave(count.tokens);
  const at::Tensor time = text_time.unsqueeze(-1);
  visibility.media_mask = rule.sees_earlier ? time.ge(image) : time.eq(image);
  visibility.sees_none = time.eq(0);
  return visibility;
}

Visibility prompt_visibility(const MaskingRule& rule, const at::Tensor& media_locations, MediaCount count) {
  const at::Tensor locations = media_locations.to(at::kBool);
  at::Tensor time = locations.to(at::kLong).cumsum(-1);
  if (rule.text_sees == MaskingRule::TextSees::next) {
    const at::Tensor images = time.select(-1, -1).unsqueeze(-1);
    time = time + locations.bitwise_not().to(at::kLong);
    time = time.masked_fill(time > images, 0);
  }
  return visibility_of(rule, time, count);
}

int64_t settled_positions(const MaskingRule& rule, const at::Tensor& media_locations) {
  const int64_t length = media_locations.size(1);
  if (rule.text_sees == MaskingRule::TextSees::last) return length;
  const at::Tensor places = media_locations.to(at::kBool).select(0, 0).nonzero();
  return places.size(0) == 0 ? 0 : places[-1].item().toLong() + 1;
}

Visibility cached_visibility(const MaskingRule& rule, const at::Tensor& is_media, const at::Tensor& images,
                             MediaCount count) {
  if (rule.cached_tokens_see == MaskingRule::CachedTokensSee::last) return visibility_of(rule, images, count);
  if (!is_media.defined()) return nothing_seen(images);
  return visibility_of(rule, is_media.logical_and(images > 0).to(at::kLong), count);
}

Visibility continuation_visibility(const MaskingRule& rule, const at::Tensor& images, int64_t length,
                                   MediaCount count) {
  const at::Tensor seen = images.expand({-1, length});
  if (rule.text_sees == MaskingRule::TextSees::next) return nothing_seen(seen);
  return visibility_of(rule, seen, count);
}

}  // namespace flam
