#pragma once
// Rows of tokens for training: prompts with their targets, padded on the right.

#include <ATen/core/Tensor.h>

#include <vector>

#include "framework/component/task_head.h"
#include "framework/model/model.h"

namespace flam {

struct TextRow {
  std::vector<int64_t> ids;
  size_t prompt_length = 0;  // ids before the target
};

/// The prompt of a record and the answer it should give, as ids. The model's layout makes one crop of each
/// picture.
TextRow text_row(const TaskHead& head, const Model& model, const Request& request, const std::string& answer);

struct TextBatch {
  at::Tensor ids;     // [R,L] int64
  at::Tensor mask;    // [R,L] bool
  at::Tensor target;  // [R,L] int64: the id that should follow each position; −100 where nothing is learnt
};

/// learn_prompt: the prompt's tokens are targets too (but never `not_learnt`, the media marker).
TextBatch text_batch(const std::vector<TextRow>& rows, int64_t pad_id, bool learn_prompt, int64_t not_learnt);

}  // namespace flam
