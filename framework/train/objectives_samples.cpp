// What the model answers during training.
#include <c10/core/GradMode.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/generate/generate.h"
#include "framework/train/computed_batch.h"
#include "framework/train/objectives.h"
#include "framework/train/text_rows.h"

namespace flam {

namespace {

constexpr int64_t kMostSampled = 64;  // tokens

}  // namespace

std::vector<std::string> Objectives::samples(int64_t step) const {
  std::vector<std::string> out;
  if (!any([](const Objective& each) { return each.needs_pictures() && each.needs_text(); })) return out;
  const at::NoGradGuard no_grad;
  const Model& model = parts_.model;
  const ComputedBatch computed(parts_, source_, source_.draw(step, 0, 1, source_.tasks().size()), 1,
                               with_text_);
  const DrawnBatch& drawn = computed.drawn();
  GenerationParams params;
  params.stop_tokens = parts_.stop_tokens;
  for (size_t t = 0; t < drawn.records.size(); ++t) {
    const Record& record = drawn.records[t].front();
    const auto pictures = std::ranges::count_if(
        record.request.parts, [](const Part& part) { return part.kind != Part::Kind::text; });
    const at::Tensor& shown = drawn.shown[t];
    const at::Tensor seen =
        computed.media_shown(shown.defined() ? shown.narrow(0, 0, 1).narrow(1, 0, pictures) : shown);
    TextRow row = text_row(*source_.tasks()[t].head, model, record.request, the_reference(record));
    row.ids.resize(row.prompt_length);
    const TextRows batch = text_rows({row}, model.tokenizer().pad_id(), model.image_token_id());
    // Examples may leave little room.
    const int64_t prompt = std::ssize(row.ids) + pictures * model.inserted_positions();
    params.max_new_tokens =
        std::clamp<int64_t>(model.language_decoder().max_positions() - prompt, 1, kMostSampled);
    const auto steps = model.start(Batch{batch.ids, batch.mask, seen}, 1, params.max_new_tokens);
    GenerateInput input;
    input.prompts = {row.ids};
    input.stop_ids = stop_ids(params, model.tokenizer());
    const auto results = generate(*steps, input, params);
    std::string question;
    for (const Part& part : record.request.parts) {
      if (part.kind != Part::Kind::text && !question.empty()) question += "| ";
      if (part.kind == Part::Kind::text) question += part.text + " → ";
    }
    out.push_back(cat(question, quoted(text_of(results[0].hypotheses[0].ids, model.tokenizer())),
                      " (reference ", quoted(the_reference(record)), ")"));
  }
  return out;
}

}  // namespace flam
