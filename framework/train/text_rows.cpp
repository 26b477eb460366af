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

const std::string& the_reference(const Record& record) {
  if (record.references.empty())
    throw Error(cat("record ", quoted(record.request.id), " has no reference to train on"));
  return record.references.front();
}

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

TextRows text_rows(const std::vector<TextRow>& rows, int64_t pad_id, int64_t image_token_id) {
  size_t longest = 0;
  for (const TextRow& row : rows) longest = std::max(longest, row.ids.size());
  const auto count = static_cast<int64_t>(rows.size());
  const auto length = static_cast<int64_t>(longest);
  TextRows out{at::full({count, length}, pad_id, at::kLong), at::zeros({count, length}, at::kBool),
               at::full({count, length}, -100, at::kLong), at::zeros({count, length}, at::kBool)};
  auto* ids = out.ids.mutable_data_ptr<int64_t>();
  auto* mask = out.mask.mutable_data_ptr<bool>();
  auto* target = out.target.mutable_data_ptr<int64_t>();
  auto* in_answer = out.in_answer.mutable_data_ptr<bool>();
  for (size_t r = 0; r < rows.size(); ++r) {
    const auto& row = rows[r];
    for (size_t i = 0; i < row.ids.size(); ++i) {
      const size_t place = r * longest + i;
      ids[place] = row.ids[i];
      mask[place] = true;
      if (i + 1 == row.ids.size()) continue;
      if (row.ids[i + 1] != image_token_id) target[place] = row.ids[i + 1];
      in_answer[place] = i + 1 >= row.prompt_length;
    }
    for (const auto& [begin, end] : row.learnt) {
      for (size_t i = begin; i < end; ++i) in_answer[r * longest + i - 1] = true;
    }
  }
  return out;
}

}  // namespace flam
