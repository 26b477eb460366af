// Cached generation: the prompts run once, and then each step runs one token for every row.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>

#include <algorithm>

#include "framework/base/interrupted.h"
#include "framework/device/to_device.h"
#include "framework/model/forward.h"
#include "framework/model/model.h"

namespace flam {

namespace {
constexpr int64_t kScoredTogether = 512;  // tokens whose logits are in memory at the same time
}

class Generation final : public StepModel {
 public:
  Generation(const Model& model, Sequence prompt, std::unique_ptr<AdapterState> adapter_state, int64_t beams,
             int64_t max_new_tokens, Probe* probe, std::unique_ptr<StepGraph> graph)
      : model_(model),
        beams_(beams),
        probe_(probe),
        prompt_(std::move(prompt)),
        adapter_state_(std::move(adapter_state)),
        graph_(std::move(graph)),
        cache_(model.language_decoder_->cache_layout(), prompt_.mask.size(0), prompt_.mask.size(1), beams,
               max_new_tokens, at::TensorOptions().device(model.device_).dtype(model.dtype_),
               graph_ ? KVCache::Tail::fixed : KVCache::Tail::growing),
        step_ids_(
            at::empty({batch() * beams, 1}, at::TensorOptions().device(model.device_).dtype(at::kLong))) {}

  int64_t batch() const override { return prompt_.mask.size(0); }

  at::Tensor prefill() override {
    const Visibility visibility = prompt_visibility(model_.adapter_->masking_rule(), prompt_.media_locations);
    at::Tensor hidden =
        model_.run_layers(prompt_.hidden, prompt_step(prompt_, &cache_, probe_), visibility, *adapter_state_);
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
    cache_.require_room(1);
    const bool any_image = (ids == model_.image_token_id()).any().item().toBool();  // on the CPU
    step_ids_.copy_(ids.unsqueeze(1), /*non_blocking=*/true);  // pageable memory is read before this returns
    const at::Tensor logits = any_image || !graph_ ? run_step(any_image) : repeat_step();
    cache_.advance();
    next_position_.add_(1);
    return logits.to(at::kFloat, /*non_blocking=*/false, /*copy=*/graph_ != nullptr);
  }

  /// Log-probabilities float32 [B·beams,L] of `next` [B·beams,L], where next[r,l] follows the prompt and
  /// `ids`[r,0..l]. The cache keeps none of these tokens, so the next call continues from the prompts again.
  at::Tensor follow(const at::Tensor& ids, const at::Tensor& next) {
    const int64_t length = ids.size(1);
    const at::Tensor positions = next_position_ + at::arange(length, next_position_.options());
    const Visibility visibility =
        continuation_visibility(model_.adapter_->masking_rule(), images_seen_, length);
    const at::Tensor hidden = model_.run_layers(
        model_.embed(ids), DecodeStep{positions, {}, &cache_, nullptr}, visibility, *adapter_state_);
    const int64_t rows = std::max<int64_t>(1, kScoredTogether / length);
    std::vector<at::Tensor> blocks;
    for (int64_t first = 0; first < hidden.size(0); first += rows) {
      const int64_t count = std::min(rows, hidden.size(0) - first);
      const at::Tensor logits = model_.logits(hidden.narrow(0, first, count), nullptr).to(at::kFloat);
      const at::Tensor index = next.narrow(0, first, count).unsqueeze(-1);
      blocks.push_back(at::log_softmax(logits, -1).gather(2, index).squeeze(-1));
    }
    return at::cat(blocks, 0);
  }

  void reorder(const at::Tensor& source) override { cache_.reorder(to_device(source, model_.device_)); }

 private:
  /// Runs one token for each row, step_ids_ at next_position_, and returns logits [B·beams,V]. It writes only
  /// the keys and values at the end of the tail, so running it again gives the same result.
  at::Tensor run_step(bool any_image) {
    const MaskingRule rule = model_.adapter_->masking_rule();
    Visibility visibility = cached_visibility(rule, step_ids_ == model_.image_token_id(), images_seen_);
    visibility.sees_nothing = rule.cached_tokens_see == MaskingRule::CachedTokensSee::nothing && !any_image;
    DecodeStep step{next_position_, {}, &cache_, nullptr};
    const at::Tensor hidden = model_.run_layers(model_.embed(step_ids_), step, visibility, *adapter_state_);
    return model_.logits(hidden, nullptr).squeeze(1);
  }

  /// run_step() for tokens that are not image tokens. The first call records a graph, and later calls replay
  /// it.
  at::Tensor repeat_step() {
    if (!repeated_logits_.defined()) graph_->capture([this] { repeated_logits_ = run_step(false); });
    graph_->replay();
    return repeated_logits_;
  }

  const Model& model_;
  int64_t beams_;
  Probe* probe_;
  Sequence prompt_;
  std::unique_ptr<AdapterState> adapter_state_;
  std::unique_ptr<StepGraph> graph_;  // may be null
  KVCache cache_;
  at::Tensor images_seen_;  // [B·beams,1]: images in the prompt; a generated image token has no image
  // These are written in place, because a recorded graph reads them at fixed addresses.
  at::Tensor step_ids_, next_position_;  // [B·beams,1]
  at::Tensor repeated_logits_;           // [B·beams,V], written by the graph
};

std::unique_ptr<StepModel> Model::start(const Batch& batch, int64_t beams, int64_t max_new_tokens,
                                        Probe* probe, std::unique_ptr<StepGraph> graph) const {
  auto state = prepare(batch.media);
  Sequence prompt = embed_prompt(batch, *state, max_new_tokens, probe);
  return std::make_unique<Generation>(*this, std::move(prompt), std::move(state), beams, max_new_tokens,
                                      probe, std::move(graph));
}

at::Tensor Model::score(const Batch& batch, const at::Tensor& continuations,
                        const std::function<bool()>& cancelled) const {
  const int64_t prompts = continuations.size(0), count = continuations.size(1),
                length = continuations.size(2);
  const int64_t rows = std::clamp<int64_t>(kScoredTogether / (prompts * length), 1, count);
  if (cancelled && cancelled()) throw Interrupted();
  const auto started = start(batch, rows, length - 1);
  auto& generation = static_cast<Generation&>(*started);
  const at::Tensor first = at::log_softmax(generation.prefill(), -1).unsqueeze(1).expand({-1, rows, -1});
  std::vector<at::Tensor> blocks;
  for (int64_t from = 0; from < count; from += rows) {
    if (cancelled && cancelled()) throw Interrupted();
    const int64_t begin =
        std::min(from, count - rows);  // the last block overlaps the one before, so that all have one size
    const at::Tensor ids = to_device(continuations.narrow(1, begin, rows), device_);
    at::Tensor logprobs = first.gather(2, ids.narrow(2, 0, 1));
    if (length > 1) {
      const at::Tensor rest = generation.follow(ids.narrow(2, 0, length - 1).flatten(0, 1),
                                                ids.narrow(2, 1, length - 1).flatten(0, 1));
      logprobs = at::cat({logprobs, rest.unflatten(0, {prompts, rows})}, 2);
    }
    blocks.push_back(logprobs.narrow(1, from - begin, rows - (from - begin)).cpu());
  }
  return at::cat(blocks, 1);
}

}  // namespace flam
