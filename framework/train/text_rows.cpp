#include "framework/train/text_rows.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/model/laid_out.h"

namespace flam {

namespace {

std::vector<int64_t> prompt_ids(const TaskHead& head, const Model& model, const Request& request) {
  const Tokenizer& tokenizer = model.tokenizer();
  const MediaLayout& layout = model.media_layout();
  const int64_t size = model.vision_backbone().image_size();
  const Task task = head.task(request);
  const Prompt& prompt = prompt_of(task);
  const std::vector<std::string> texts(prompt.media.size(),
                                       layout.text(layout.plan({size, size}, /*may_split=*/true)));
  return tokenizer.encode(with_media_texts(prompt.text, tokenizer.image_token(), texts), true);
}

/// Whether `ids` has `part` at `place`.
bool has_at(const std::vector<int64_t>& ids, size_t place, const std::vector<int64_t>& part) {
  return place + part.size() <= ids.size() &&
         std::equal(part.begin(), part.end(), ids.begin() + static_cast<std::ptrdiff_t>(place));
}

}  // namespace

TextRow text_row(const TaskHead& head, const Model& model, const Request& request,
                 const std::string& answer) {
  TextRow row;
  row.ids = prompt_ids(head, model, request);
  row.prompt_length = row.ids.size();
  const auto target = model.tokenizer().encode(head.target(answer), false);
  row.ids.insert(row.ids.end(), target.begin(), target.end());
  return row;
}

void learn_shots(const TaskHead& head, const Model& model, const Request& request, TextRow& row) {
  const std::vector<Part>& parts = request.parts;
  bool is_first = true;
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].kind == Part::Kind::text) continue;
    Request example = request;  // up to here, without the last answer
    example.parts.resize(i - 1);
    const std::vector<int64_t> before = prompt_ids(head, model, example);
    const auto answer = model.tokenizer().encode(head.target(parts[i - 1].text), false);
    if (has_at(row.ids, 0, before) && has_at(row.ids, before.size(), answer)) {
      row.learnt.emplace_back(before.size(), before.size() + answer.size());
    } else if (!is_first) {
      throw Error(
          cat("record ", quoted(request.id), ": the answer ", quoted(parts[i - 1].text),
              " of an example has other tokens in the prompt than where the model generates it, so it "
              "can't be learnt; let the task head's shot_prompt be its final_prompt followed by a "
              "space, the answer and the end token, or set train.learn_shots to false"));
    }
    is_first = false;
  }
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
    for (const auto& [begin, end] : row.learnt) {
      for (size_t i = begin; i < end; ++i) target[r * longest + i - 1] = row.ids[i];
    }
  }
  return batch;
}

}  // namespace flam
