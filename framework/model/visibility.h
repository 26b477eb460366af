#pragma once
#include "framework/component/adapter.h"

namespace flam {

/// The text_time [B,L] of a prompt, computed from its media positions [B,L] (true where the token is the
/// image token). With `last`, it is the number of image tokens so far. With `next`, it is one more for every
/// other token, and 0 where that exceeds the row's number of image tokens (OpenFlamingo v1,
/// only_attend_previous False).
FLAM_API Visibility prompt_visibility(const MaskingRule& rule, const at::Tensor& media_locations);

/// The text_time [R,1] of one cached token for each row, after a prompt with `count` [R,1] images. With
/// `nothing`, it is 1 for an image token if the prompt has an image, and otherwise 0 (in v1 the mask is
/// computed from the new token alone). With `last`, it is the count.
FLAM_API Visibility cached_visibility(const MaskingRule& rule, const at::Tensor& is_media,
                                      const at::Tensor& count);

/// The text_time [R,length] of tokens that follow a prompt with `count` [R,1] images, as if they were part of
/// the prompt: the count with `last`; 0 with `next`, because no image follows.
FLAM_API Visibility continuation_visibility(const MaskingRule& rule, const at::Tensor& count, int64_t length);

}  // namespace flam
