#include "framework/component/objective.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>

#include "framework/device/to_device.h"

namespace flam {

TrainingBatch::~TrainingBatch() = default;

const Record& TrainingBatch::record_of(int64_t picture) const {
  const std::vector<Record>& all = records(0);
  return all[static_cast<size_t>(picture) * (all.size() / static_cast<size_t>(pictures()))];
}

at::Tensor TrainingBatch::labels(at::Tensor Record::*which) const {
  std::vector<at::Tensor> each;
  for (int64_t picture = 0; picture < pictures(); ++picture) each.push_back(record_of(picture).*which);
  return to_device(at::stack(each), device());
}

Objective::~Objective() = default;
bool Objective::needs_pictures() const {
  return true;
}
bool Objective::needs_text() const {
  return true;
}

// The positions are found on the CPU, so that a device need not be waited for.
LearntTokens learnt_tokens(const TrainingBatch& batch, size_t task, TextSees sees, LearntText learnt) {
  const TextRows& text = batch.text(task);
  at::Tensor chosen = text.target != -100;
  if (learnt == LearntText::answers) chosen = chosen.logical_and(text.in_answer);
  const at::Tensor places = chosen.flatten().nonzero().squeeze(1);
  const at::Tensor on_device = to_device(places, batch.device());
  LearntTokens out;
  out.logits = batch.logits(batch.hidden(task, sees).flatten(0, 1).index_select(0, on_device)).to(at::kFloat);
  out.target = to_device(text.target.flatten(), batch.device()).index_select(0, on_device);
  out.row = to_device(places.floor_divide(text.ids.size(1)), batch.device());
  return out;
}

}  // namespace flam
