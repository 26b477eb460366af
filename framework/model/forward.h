#pragma once
// Pieces shared by the uncached forward and the generation.

#include "framework/model/model.h"
#include "framework/model/visibility.h"

namespace flam {

/// What the decoder runs a prompt with.
DecodeStep prompt_step(const Sequence& sequence, KVCache* cache, Probe* probe);

/// Positions as Hugging Face derives them: cumulative count of real tokens minus one, padding 1. [B,L] →
/// [B,L] int64.
at::Tensor positions_of(const at::Tensor& attention_mask);

/// [B,L] bool → [B,1,L,L] bool: a token attends to real tokens up to itself.
at::Tensor causal_mask(const at::Tensor& attention_mask);

/// The rows of `sequence.hidden` [B,S,D] at which the output of each token is read: [B,L,D].
at::Tensor at_tokens(const Sequence& sequence);

}  // namespace flam
