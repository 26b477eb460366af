#pragma once
#include "framework/component/adapter.h"

namespace flam {

/// text_time of a prompt [B,L] from its media positions [B,L] (bool: the token is the image token).
/// last: the count of image tokens so far. next: every other token counts one more, and what exceeds the
/// row's number of image tokens becomes 0 (OpenFlamingo v1, only_attend_previous False).
FLAM_API Visibility prompt_visibility(const MaskingRule& rule, const at::Tensor& media_locations);

/// text_time of one cached token a row [R,1] behind a prompt with `count` [R,1] images. nothing: 1 for an
/// image token, if the prompt has an image, else 0 (v1: the mask is made from the new token alone). last: the
/// count.
FLAM_API Visibility cached_visibility(const MaskingRule& rule, const at::Tensor& is_media,
                                      const at::Tensor& count);

/// text_time of `length` tokens that follow a prompt with `count` [R,1] images, as they would have in it:
/// last: the count; next: no image follows. [R,length].
FLAM_API Visibility continuation_visibility(const MaskingRule& rule, const at::Tensor& count, int64_t length);

}  // namespace flam
