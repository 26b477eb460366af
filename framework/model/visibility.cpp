#include "framework/model/visibility.h"

#include <ATen/TensorOperators.h>

namespace flam {

Visibility prompt_visibility(const MaskingRule& rule, const at::Tensor& media_locations) {
  const at::Tensor locations = media_locations.to(at::kBool);
  at::Tensor time = locations.to(at::kLong).cumsum(-1);
  if (rule.text_sees == MaskingRule::TextSees::next) {
    const at::Tensor images = time.select(-1, -1).unsqueeze(-1);
    time = time + locations.bitwise_not().to(at::kLong);
    time = time.masked_fill(time > images, 0);
  }
  return {time, false};
}

Visibility cached_visibility(const MaskingRule& rule, const at::Tensor& is_media, const at::Tensor& count) {
  if (rule.cached_tokens_see == MaskingRule::CachedTokensSee::nothing)
    return {is_media.logical_and(count > 0).to(at::kLong), false};
  return {count, false};
}

Visibility continuation_visibility(const MaskingRule& rule, const at::Tensor& count, int64_t length) {
  const at::Tensor seen = count.expand({-1, length});
  if (rule.text_sees == MaskingRule::TextSees::next) return {seen * 0, true};
  return {seen, false};
}

}  // namespace flam
