#include "framework/train/computed_batch.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/device/to_device.h"
#include "framework/model/forward.h"
#include "framework/train/text_rows.h"

namespace flam {

namespace {

constexpr int64_t kResampledTogether = 32;  // pictures, which bounds the memory of a validation

struct StageProbe final : Probe {
  void record(std::string_view stage, int64_t /*layer*/, const at::Tensor& value) override {
    stages[std::string(stage)].push_back(value);
  }
  std::map<std::string, std::vector<at::Tensor>> stages;
};

}  // namespace

ComputedBatch::ComputedBatch(const TrainingParts& parts, const BatchSource& source, DrawnBatch drawn,
                             int64_t pictures, bool with_text)
    : parts_(parts),
      source_(source),
      drawn_(std::move(drawn)),
      pictures_(pictures),
      with_text_(with_text),
      texts_(drawn_.records.size()) {}

at::Device ComputedBatch::device() const {
  return parts_.model.device();
}

const Features& ComputedBatch::features() const {
  if (!drawn_.pictures.defined())
    throw RunError("asks for pictures, but needs_pictures() is false; return true there");
  if (!features_) {
    features_ = source_.from_features() ? parts_.model.given_features(drawn_.pictures)
                                        : parts_.model.encode_images(drawn_.pictures);
  }
  return *features_;
}

const at::Tensor& ComputedBatch::media() const {
  if (media_.defined()) return media_;
  const int64_t all = features().tokens.size(0);
  StageProbe probe;
  std::vector<at::Tensor> media;
  for (int64_t first = 0; first < all; first += kResampledTogether) {
    const int64_t end = std::min(first + kResampledTogether, all);
    const at::Tensor index = at::arange(first, end, at::kLong).view({end - first, 1, 1});
    media.push_back(parts_.model.resample(features(), index, &probe));
  }
  const auto joined = [](const std::vector<at::Tensor>& parts) {
    return parts.size() == 1 ? parts.front() : at::cat(parts);
  };
  for (const auto& [name, parts] : probe.stages) stages_[name] = joined(parts);
  return media_ = joined(media);
}

at::Tensor ComputedBatch::media_stage(const std::string& name) const {
  media();
  const auto found = stages_.find(name);
  return found == stages_.end() ? at::Tensor() : found->second;
}

at::Tensor ComputedBatch::media_shown(const at::Tensor& shown) const {
  if (!shown.defined()) return media();
  const at::Tensor rows = media().select(1, 0).index_select(0, to_device(shown.flatten(), device()));
  return rows.view({shown.size(0), shown.size(1), media().size(2), media().size(3)});
}

const TextRows& ComputedBatch::text(size_t task) const {
  if (!with_text_) throw RunError("asks for text, but needs_text() is false; return true there");
  std::optional<TextRows>& made = texts_.at(task).rows;
  if (made) return *made;
  const TrainedTask& trained = source_.tasks()[task];
  std::vector<TextRow> rows;
  for (const Record& record : records(task)) {
    rows.push_back(text_row(*trained.head, parts_.model, record.request, the_reference(record)));
    if (trained.shots && parts_.config.learn_shots)
      learn_shots(*trained.head, parts_.model, record.request, rows.back());
  }
  made = text_rows(rows, parts_.model.tokenizer().pad_id(), parts_.model.image_token_id());
  return *made;
}

at::Tensor ComputedBatch::hidden_alone(const TextRows& text) const {
  const LanguageDecoder& decoder = parts_.model.language_decoder();
  const at::Tensor ids = to_device(text.ids, device()), mask = to_device(text.mask, device());
  const DecodeStep step{positions_of(mask), causal_mask(mask.size(0), mask.size(1), mask.options()), nullptr,
                        nullptr};
  return decoder.run(0, decoder.num_layers(), decoder.embed(ids), step);
}

const at::Tensor& ComputedBatch::hidden(size_t task, TextSees sees) const {
  const TextRows& rows = text(task);
  ComputedText& computed = texts_[task];
  if (sees == TextSees::nothing) {
    if (!computed.alone.defined()) computed.alone = hidden_alone(rows);
    return computed.alone;
  }
  if (!computed.seeing.defined()) {
    const at::Tensor seen = media_shown(drawn_.shown.empty() ? at::Tensor() : drawn_.shown[task]);
    computed.seeing = at_tokens(parts_.model.forward(Batch{rows.ids, rows.mask, seen}));
  }
  return computed.seeing;
}

at::Tensor ComputedBatch::logits(const at::Tensor& hidden) const {
  return parts_.model.logits(hidden);
}

}  // namespace flam
