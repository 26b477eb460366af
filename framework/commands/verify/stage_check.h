#pragma once
#include <ATen/core/Tensor.h>

#include "framework/commands/verify/verify.h"

namespace flam {

/// Compares activations. Passes if |ours − reference| ≤ tolerance · max(1, max|reference|) wherever mask
/// [B,L] is 1 (everywhere if it is undefined). Tensors of different shapes, and values that are not finite,
/// do not pass.
StageCheck compare_close(const std::string& stage, const at::Tensor& ours, const at::Tensor& reference,
                         const at::Tensor& mask, double tolerance);

/// Compares integer tensors element by element.
StageCheck compare_equal(const std::string& stage, const at::Tensor& ours, const at::Tensor& reference);

/// Compares the generated ids of the best hypothesis of each row, padded with `pad`, with reference [B,W].
StageCheck compare_ids(const std::string& stage, const std::vector<Result>& ours, const at::Tensor& reference,
                       int64_t pad);

/// Compares two texts.
StageCheck compare_text(const std::string& stage, const std::string& ours, const std::string& reference);

}  // namespace flam
