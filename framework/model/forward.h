#pragma once
// Pieces shared by the uncached forward and the generation.

#include "framework/model/model.h"
#include "framework/model/placement.h"

namespace flam {

/// The ids of a batch embedded, with the media that the adapter puts among them; recorded as "embed". Error:
/// it and `new_tokens` more don't fit the decoder's context.
Sequence embed_prompt(const Model& model, const Batch& batch, const AdapterState& state, int64_t new_tokens,
                      Probe* probe);

/// What the decoder runs a prompt with.
DecodeStep prompt_step(const Sequence& sequence, KVCache* cache, Probe* probe);

/// Every decoder layer, with the adapter before its own; hidden [R,S,D] → [R,S,D].
at::Tensor run_layers(const Model& model, const std::vector<int64_t>& adapter_layers, at::Tensor hidden,
                      const DecodeStep& step, const Placement& placement, const AdapterState& state);

/// Positions as Hugging Face derives them: cumulative count of real tokens minus one, padding 1. [B,L] →
/// [B,L] int64.
at::Tensor positions_of(const at::Tensor& attention_mask);

/// [B,L] bool → [B,1,L,L] bool: a token attends to real tokens up to itself.
at::Tensor causal_mask(const at::Tensor& attention_mask);

/// The rows of `sequence.hidden` [B,S,D] at which the output of each token is read: [B,L,D].
at::Tensor at_tokens(const Sequence& sequence);

}  // namespace flam
