#include "framework/train/text_rows.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "framework/model/laid_out.h"

namespace flam {

TextRow text_row(const TaskHead& head, const Model& model, const Request& request,
                 const std::string& answer) {
  const Tokenizer& tokenizer = model.tokenizer();
  const MediaLayout& layout = model.media_layout();
  const int64_t size = model.vision_backbone().image_size();
  const Task task = head.task(request);
  const Prompt& prompt = prompt_of(task);
  const std::vector<std::string> texts(prompt.media.size(),
                                       layout.text(layout.plan({size, size}, /*may_split=*/true)));
  TextRow row{tokenizer.encode(with_media_texts(prompt.text, tokenizer.image_token(), texts), true), 0};
  row.prompt_length = row.ids.size();
  const auto target = tokenizer.encode(head.target(answer), false);
  row.ids.insert(row.ids.end(), target.begin(), target.end());
  return row;
}

TextBatch text_batch(const std::vector<TextRow>& rows, int64_t pad_id, bool learn_prompt,
                     int64_t not_learnt) {
  size_t longest = 0;
  for (const TextRow& row : rows) longest = std::max(longest, row.ids.size());
  const auto count = static_cast<int64_t>(rows.size());
  const auto length = static_cast<int64_t>(longest);
  TextBatch batch{at::full({count, length}, pad_id, at::kLong), at::zeros({count, length}, at::kBool),
                  at::full({count, length}, -100, at::kLong)};
  auto* ids = batch.ids.mutable_data_ptr<int64_t>();
  auto* mask = batch.mask.mutable_data_ptr<bool>();
  auto* target = batch.target.mutable_data_ptr<int64_t>();
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto& row = rows[r];
    for (size_t i = 0; i < row.ids.size(); ++i) {
      ids[r * longest + i] = row.ids[i];
      mask[r * longest + i] = true;
      if (i + 1 == row.ids.size()) continue;
      const int64_t next = row.ids[i + 1];
      if ((learn_prompt || i + 1 >= row.prompt_length) && next != not_learnt) target[r * longest + i] = next;
    }
  }
  return batch;
}

}  // namespace flam
