#pragma once
// Rows of tokens for training: prompts with their targets, padded on the right.

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "framework/component/objective.h"
#include "framework/component/task_head.h"
#include "framework/model/model.h"

namespace flam {

struct TextRow {
  std::vector<int64_t> ids;
  size_t prompt_length = 0;                       // ids before the target
  std::vector<std::pair<size_t, size_t>> learnt;  // ranges of the prompt's ids that are targets too
};

/// Error: the record has no reference to train on.
const std::string& the_reference(const Record& record);

/// The prompt of a record and the answer it should give, as ids. The model's layout makes one crop of each
/// picture.
TextRow text_row(const TaskHead& head, const Model& model, const Request& request, const std::string& answer);

/// Adds the answers of the request's examples to the row's learnt ranges, each where the prompt of the
/// examples before it, with this example as its query, would have its target. The first example is left out
/// if its prompt begins otherwise (a zero-shot prompt). Error: the head writes the answers of examples with
/// other tokens than those it generates.
void learn_shots(const TaskHead& head, const Model& model, const Request& request, TextRow& row);

/// The rows as tensors. `image_token_id`: of the media marker, which is never a target.
TextRows text_rows(const std::vector<TextRow>& rows, int64_t pad_id, int64_t image_token_id);

}  // namespace flam
