#pragma once
// Pieces shared by the uncached forward and the generation.

#include "framework/model/model.h"
#include "framework/model/placement.h"

namespace flam {

/// Every decoder layer, with the adapter before its own; hidden [R,S,D] → [R,S,D].
at::Tensor run_layers(const Model& model, const std::vector<int64_t>& adapter_layers, at::Tensor hidden,
                      const DecodeStep& step, const Placement& placement, const AdapterState& state);

/// Positions as Hugging Face derives them: cumulative count of real tokens minus one, padding 1. [B,L] →
/// [B,L] int64.
at::Tensor positions_of(const at::Tensor& attention_mask);

/// [B,L] bool → [B,1,L,L]: a token attends to real tokens up to itself.
at::Tensor causal_mask(const at::Tensor& attention_mask);

}  // namespace flam
