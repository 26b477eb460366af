#pragma once
#include "framework/component/adapter.h"

namespace flam {

/// How many media a prompt has, and how many media tokens each of them.
struct FLAM_API MediaCount {
  int64_t media = 0, tokens = 0;
  /// Of media [B,T,L,D'], or undefined.
  static MediaCount of(const at::Tensor& media);
};

/// What text_time [B,L] means for these media: the masks of a Visibility.
FLAM_API Visibility visibility_of(const MaskingRule& rule, const at::Tensor& text_time, MediaCount count);

/// The text_time [B,L] of a prompt, computed from its media positions [B,L] (true where the token is the
/// image token). With `last`, it is the number of image tokens so far. With `next`, it is one more for every
/// other token, and 0 where that exceeds the row's number of image tokens (OpenFlamingo v1,
/// only_attend_previous False).
FLAM_API Visibility prompt_visibility(const MaskingRule& rule, const at::Tensor& media_locations,
                                      MediaCount count);

/// How many positions of the beginning of a prompt, media_locations [1,S], see the same pictures whatever
/// follows: all with `last`; with `next` those up to the last image token, because text after it sees the
/// next picture.
FLAM_API int64_t settled_positions(const MaskingRule& rule, const at::Tensor& media_locations);

/// The text_time [R,1] of one cached token for each row, after a prompt with `images` [R,1] images. With
/// `nothing`, it is 1 for an image token if the prompt has an image, and otherwise 0 (in v1 the mask is
/// computed from the new token alone). With `last`, it is `images`. `is_media` [R,1] may be undefined if no
/// token is an image token.
FLAM_API Visibility cached_visibility(const MaskingRule& rule, const at::Tensor& is_media,
                                      const at::Tensor& images, MediaCount count);

/// The text_time [R,length] of tokens that follow a prompt with `images` [R,1] images, as if they were part
/// of the prompt: `images` with `last`; 0 with `next`, because no image follows.
FLAM_API Visibility continuation_visibility(const MaskingRule& rule, const at::Tensor& images, int64_t length,
                                            MediaCount count);

}  // namespace flam
