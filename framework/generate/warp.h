#pragma once
#include <ATen/core/Tensor.h>

#include <algorithm>

#include "framework/generate/generate.h"
#include "framework/generate/history.h"

namespace flam {

/// Changes the scores [R,V] before ids are chosen. The rules and their order are those of Hugging Face 4.31
/// (logits_process.py, GenerationMixin._get_logits_processor and _get_logits_warper).
class Warper {
 public:
  Warper(const GenerationParams& params, const GenerateInput& input)
      : params_(params), stop_ids_(input.stop_ids), choosable_ids_(input.choosable_ids) {}

  /// The columns of scores [R,V] whose ids may be chosen.
  at::Tensor choosable(const at::Tensor& scores) const {
    const int64_t all = scores.size(1);
    return scores.narrow(1, 0, choosable_ids_ > 0 ? std::min(choosable_ids_, all) : all);
  }

  /// Applies the repetition penalty, forbids repeated n-grams (both over prompt and generated ids, without
  /// padding), and forbids stop tokens before min_new_tokens. `scores` itself is not modified.
  at::Tensor process(const at::Tensor& scores, const History& history) const;

  /// Applies temperature, then top-k, then top-p. Ids that must not be sampled get -inf.
  at::Tensor warp(const at::Tensor& scores) const;

 private:
  const GenerationParams& params_;
  std::vector<int64_t> stop_ids_;
  int64_t choosable_ids_;
};

}  // namespace flam
