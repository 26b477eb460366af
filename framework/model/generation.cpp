// One cached generation: prompts are run once, then one token a row and step.
#include <ATen/TensorOperators.h>

#include "framework/model/forward.h"
#include "framework/model/model.h"

namespace flam {

class Generation final : public StepModel {
 public:
  Generation(const Model& model, Sequence prompt, std::unique_ptr<AdapterState> adapter_state, int64_t beams,
             int64_t max_new_tokens, Probe* probe)
      : model_(model),
        beams_(beams),
        probe_(probe),
        prompt_(std::move(prompt)),
        adapter_state_(std::move(adapter_state)),
        cache_(model.language_decoder_->cache_layout(), prompt_.mask.size(0), prompt_.mask.size(1), beams,
               max_new_tokens, at::TensorOptions().device(model.device_).dtype(model.dtype_)) {}

  int64_t batch() const override { return prompt_.mask.size(0); }

  at::Tensor prefill() override {
    const Placement placement = place_prompt(model_.adapter_->masking_rule(), prompt_.media_locations);
    at::Tensor hidden = run_layers(model_, model_.adapter_layers_, prompt_.hidden,
                                   prompt_step(prompt_, &cache_, probe_), placement, *adapter_state_);
    prompt_.hidden.reset();
    cache_.begin_tail(prompt_.mask);
    next_position_ = prompt_.mask.to(at::kLong).sum(1, true).repeat_interleave(beams_, 0);
    images_seen_ = prompt_.media_locations.to(at::kLong).sum(1, true).repeat_interleave(beams_, 0);
    if (!probe_) hidden = hidden.narrow(1, hidden.size(1) - 1, 1);
    const at::Tensor logits = model_.logits(hidden, probe_);
    if (probe_) probe_->record("logits", -1, logits);
    return logits.select(1, logits.size(1) - 1).to(at::kFloat);
  }

  at::Tensor step(const at::Tensor& ids) override {
    const MaskingRule rule = model_.adapter_->masking_rule();
    const bool any_image = (ids == model_.image_token_id_).any().item().toBool();
    const at::Tensor row_ids = ids.to(model_.device_).unsqueeze(1);
    if (any_image) images_seen_ = images_seen_ + (row_ids == model_.image_token_id_).to(at::kLong);
    Placement placement = place_cached(rule, row_ids == model_.image_token_id_, images_seen_);
    placement.sees_nothing = rule.cached_tokens_see == MaskingRule::CachedTokensSee::nothing && !any_image;

    DecodeStep step{next_position_, {}, &cache_, nullptr};
    at::Tensor hidden = model_.language_decoder_->embed(row_ids);
    hidden = run_layers(model_, model_.adapter_layers_, hidden, step, placement, *adapter_state_);
    cache_.advance();
    next_position_ = next_position_ + 1;
    return model_.logits(hidden, nullptr).squeeze(1).to(at::kFloat);
  }

  void reorder(const at::Tensor& source) override {
    const at::Tensor rows = source.to(model_.device_);
    cache_.reorder(rows);
    images_seen_ = images_seen_.index_select(0, rows);
  }

 private:
  const Model& model_;
  int64_t beams_;
  Probe* probe_;
  Sequence prompt_;
  std::unique_ptr<AdapterState> adapter_state_;
  KVCache cache_;
  at::Tensor next_position_, images_seen_;  // [B·beams,1]
};

std::unique_ptr<StepModel> Model::start(const Batch& batch, int64_t beams, int64_t max_new_tokens,
                                        Probe* probe) const {
  auto state = adapter_->prepare(batch.media);
  Sequence prompt = embed_prompt(*this, batch, *state, max_new_tokens, probe);
  return std::make_unique<Generation>(*this, std::move(prompt), std::move(state), beams, max_new_tokens,
                                      probe);
}

}  // namespace flam
