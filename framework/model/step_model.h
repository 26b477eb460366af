#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

/// What a generator drives: B prompts, `beams` rows for each. Rows of one prompt lie together: row =
/// prompt·beams + beam.
class FLAM_API StepModel {
 public:
  virtual ~StepModel();
  virtual int64_t batch() const = 0;
  /// Runs the prompts once; logits of the next token, float32 [B,V].
  virtual at::Tensor prefill() = 0;
  /// Appends one id to every row, ids [B·beams] int64 on the CPU; logits of the next token, float32
  /// [B·beams,V].
  virtual at::Tensor step(const at::Tensor& ids) = 0;
  /// Row r continues what row source[r] generated; [B·beams] int64 on the CPU. Called before step().
  virtual void reorder(const at::Tensor& source) = 0;
};

}  // namespace flam
