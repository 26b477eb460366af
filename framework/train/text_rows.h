#pragma once
// Rows of tokens for training: prompts with their targets, padded on the right.

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "framework/component/task_head.h"
#include "framework/model/model.h"

namespace flam {

struct TextRow {
  std::vector<int64_t> ids;
  size_t prompt_length = 0;                       // ids before the target
  std::vector<std::pair<size_t, size_t>> learnt;  // ranges of the prompt's ids that are targets too
};

/// The prompt of a record and the answer it should give, as ids. The model's layout makes one crop of each
/// picture.
TextRow text_row(const TaskHead& head, const Model& model, const Request& request, const std::string& answer);

/// Adds the answers of the request's examples to the row's learnt ranges, each where the prompt of the
/// examples before it, with this example as its query, would have its target. The first example is left out
/// if its prompt begins otherwise (a zero-shot prompt). Error: the head writes the answers of examples with
/// other tokens than those it generates.
void learn_shots(const TaskHead& head, const Model& model, const Request& request, TextRow& row);

struct TextBatch {
  at::Tensor ids;     // [R,L] int64
  at::Tensor mask;    // [R,L] bool
  at::Tensor target;  // [R,L] int64: the id that should follow each position; −100 where nothing is learnt
};

/// learn_prompt: the prompt's tokens are targets too (but never `not_learnt`, the media marker).
TextBatch text_batch(const std::vector<TextRow>& rows, int64_t pad_id, bool learn_prompt, int64_t not_learnt);

}  // namespace flam
