#pragma once
// Functions that the uncached forward and the cached generation share.

#include "framework/model/model.h"
#include "framework/model/visibility.h"

namespace flam {

/// The DecodeStep with which the decoder runs a prompt.
DecodeStep prompt_step(const Sequence& sequence, KVCache* cache, Probe* probe);

/// Positions as Hugging Face computes them: the cumulative count of real tokens minus one; 1 for padding.
/// [B,L] → [B,L] int64.
at::Tensor positions_of(const at::Tensor& attention_mask);

/// The mask of rows without padding, for scores [rows,1,length,length]. Padding on the right does no harm
/// either, because only padding sees it.
AttentionMask causal_mask(int64_t rows, int64_t length, const at::TensorOptions& options);

/// [B,L] bool → for scores [B,1,L,L]: a token attends to real tokens up to itself; padding attends to
/// everything, so that no query is blind.
AttentionMask causal_mask(const at::Tensor& attention_mask);

/// The rows of `sequence.hidden` [B,S,D] at which the output of each token is read: [B,L,D].
at::Tensor at_tokens(const Sequence& sequence);

}  // namespace flam
