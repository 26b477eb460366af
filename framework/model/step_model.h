#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

/// The model as the search algorithms see it: B prompts with `beams` rows each. The rows of a prompt are
/// adjacent: row = prompt·beams + beam.
class FLAM_API StepModel {
 public:
  virtual ~StepModel();
  virtual int64_t batch() const = 0;
  /// Runs the prompts once. Returns the logits of the next token, float32 [B,V].
  virtual at::Tensor prefill() = 0;
  /// Appends one id to every row, ids [B·beams] int64 on the CPU. Returns the logits of the next token,
  /// float32 [B·beams,V].
  virtual at::Tensor step(const at::Tensor& ids) = 0;
  /// Row r continues what row source[r] generated; [B·beams] int64 on the CPU. Called before step().
  virtual void reorder(const at::Tensor& source) = 0;
};

}  // namespace flam
