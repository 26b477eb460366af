#pragma once
#include <ATen/core/Tensor.h>

#include "framework/commands/verify/verify.h"

namespace flam {

/// Activations: |ours − reference| ≤ tolerance · max(1, max|reference|) where mask [B,L] is 1 (undefined:
/// everywhere). Another shape, or a value that is not finite, does not pass.
StageCheck compare_close(const std::string& stage, const at::Tensor& ours, const at::Tensor& reference,
                         const at::Tensor& mask, double tolerance);

/// Integers, element by element.
StageCheck compare_equal(const std::string& stage, const at::Tensor& ours, const at::Tensor& reference);

/// New ids of the best hypothesis of each row, filled with `pad` behind its end; reference [B,W].
StageCheck compare_ids(const std::string& stage, const std::vector<Result>& ours, const at::Tensor& reference,
                       int64_t pad);

StageCheck compare_text(const std::string& stage, const std::string& ours, const std::string& reference);

}  // namespace flam
