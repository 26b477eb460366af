#pragma once
#include <ATen/core/Tensor.h>

#include "framework/component/types.h"
#include "framework/generate/history.h"

namespace flam {

/// What changes scores [R,V] before ids are chosen. Rules and their order are those of Hugging Face 4.31
/// (logits_process.py, GenerationMixin._get_logits_processor and _get_logits_warper).
class Warper {
 public:
  Warper(const GenerationParams& params, std::vector<int64_t> stop_ids)
      : params_(params), stop_ids_(std::move(stop_ids)) {}

  /// Repetition penalty, no-repeat n-grams (both over prompt and generated ids, without padding), no end
  /// token before min_new_tokens. `scores` itself stays as it is.
  at::Tensor process(const at::Tensor& scores, const History& history) const;

  /// Temperature, then top-k, then top-p: what is not to be sampled becomes -inf.
  at::Tensor warp(const at::Tensor& scores) const;

 private:
  const GenerationParams& params_;
  std::vector<int64_t> stop_ids_;
};

}  // namespace flam
