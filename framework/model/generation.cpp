// One cached generation: prompts are run once, then one token a row and step.
#include <ATen/TensorOperators.h>

#include "framework/base/text.h"
#include "framework/model/forward.h"
#include "framework/model/model.h"

namespace flam {

class Generation final : public StepModel {
 public:
  Generation(const Model& model, const Batch& batch, int64_t beams, int64_t max_new_tokens, Probe* probe)
      : model_(model),
        beams_(beams),
        probe_(probe),
        ids_(batch.ids.to(model.device_)),
        mask_(batch.attention_mask.to(model.device_, at::kBool)),
        adapter_state_(model.adapter_->prepare(batch.media)),
        cache_(model.language_decoder_->cache_layout(), ids_.size(0), ids_.size(1), beams, max_new_tokens,
               at::TensorOptions().device(model.device_).dtype(model.dtype_)) {}

  int64_t batch() const override { return ids_.size(0); }

  at::Tensor prefill() override {
    DecodeStep step{positions_of(mask_), causal_mask(mask_), &cache_, probe_};
    const at::Tensor media_locations = (ids_ == model_.image_token_id_) & mask_;
    const Placement placement = place_prompt(model_.adapter_->masking_rule(), media_locations);
    at::Tensor hidden = model_.language_decoder_->embed(ids_);
    if (probe_) probe_->record("embed", -1, hidden);
    hidden = run_layers(model_, model_.adapter_layers_, hidden, step, placement, *adapter_state_);
    cache_.begin_tail(mask_);
    next_position_ = mask_.to(at::kLong).sum(1, true).repeat_interleave(beams_, 0);
    images_seen_ = media_locations.to(at::kLong).sum(1, true).repeat_interleave(beams_, 0);
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
  at::Tensor ids_, mask_;
  std::unique_ptr<AdapterState> adapter_state_;
  KVCache cache_;
  at::Tensor next_position_, images_seen_;  // [B·beams,1]
};

std::unique_ptr<StepModel> Model::start(const Batch& batch, int64_t beams, int64_t max_new_tokens,
                                        Probe* probe) const {
  const int64_t needed = batch.ids.size(1) + max_new_tokens;
  if (needed > language_decoder_->max_positions()) {
    throw Error(cat("the prompt of ", batch.ids.size(1), " tokens and ", max_new_tokens,
                    " new ones don't fit the context of ", language_decoder_->max_positions(),
                    " tokens; use fewer shots, a shorter text or a smaller --max-new-tokens"));
  }
  return std::make_unique<Generation>(*this, batch, beams, max_new_tokens, probe);
}

}  // namespace flam
