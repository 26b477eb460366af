// Cached generation: the prompts run once, and then each step runs one token for every row.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <optional>
#include <ranges>

#include "framework/base/interrupted.h"
#include "framework/device/to_device.h"
#include "framework/model/forward.h"
#include "framework/model/kept_prompt.h"
#include "framework/model/model.h"

namespace flam {

namespace {

constexpr int64_t kScoredTogether = 512;  // tokens whose logits are in memory at the same time

/// The media of a batch, with those of the prompt that its rows follow.
MediaCount count_of(const Batch& batch) {
  MediaCount count = MediaCount::of(batch.media);
  if (!batch.kept) return count;
  const MediaCount kept = MediaCount::of(batch.kept->media);
  return {count.media + kept.media, std::max(count.tokens, kept.tokens)};
}

/// What a generation keeps of its prompts.
struct GenerationInput {
  Sequence prompt;                         // without what is kept
  std::shared_ptr<const KeptPrompt> kept;  // what the prompts follow; may be null
  std::unique_ptr<AdapterState> adapter_state;
  MediaCount media;
  at::Tensor next_position;  // [B·beams,1]
  at::Tensor images;         // [B·beams,1]: in the prompt; a generated image token has no image
  Visibility seen_by_text;   // what a generated token sees that is not an image token

  GenerationInput(const Model& model, Sequence sequence, std::unique_ptr<AdapterState> state,
                  const Batch& batch, int64_t beams)
      : prompt(std::move(sequence)),
        kept(batch.kept),
        adapter_state(std::move(state)),
        media(count_of(batch)),
        next_position(mask().to(at::kLong).sum(1, true).repeat_interleave(beams, 0)),
        images(locations().to(at::kLong).sum(1, true).repeat_interleave(beams, 0)),
        seen_by_text(cached_visibility(model.adapter().masking_rule(), {}, images, media)) {}

  int64_t kept_positions() const { return kept ? kept->positions() : 0; }
  /// [B,Lk+S] of the whole prompts: which positions are not padding, and the media locations.
  at::Tensor mask() const {
    return kept ? after_kept(at::ones({1, kept_positions()}, prompt.mask.options()), prompt.mask)
                : prompt.mask;
  }
  at::Tensor locations() const {
    return kept ? after_kept(kept->media_locations, prompt.media_locations) : prompt.media_locations;
  }
  static at::Tensor after_kept(const at::Tensor& of_kept, const at::Tensor& of_rows) {
    return at::cat({of_kept.expand({of_rows.size(0), -1}), of_rows}, 1);
  }

  /// The tensors that a step reads; nullopt if the adapter does not tell its own.
  std::optional<std::vector<at::Tensor>> read_by_steps() const {
    auto tensors = adapter_state->tensors();
    if (tensors) {
      for (const at::Tensor& each : {next_position, images, seen_by_text.text_time, seen_by_text.sees_none,
                                     seen_by_text.media_mask.allowed, seen_by_text.media_mask.blind})
        tensors->push_back(each);
    }
    return tensors;
  }
};

bool is_same_shape(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && a.device() == b.device();
}

}  // namespace

class Generation final : public StepModel {
 public:
  Generation(const Model& model, GenerationInput input, int64_t beams, int64_t max_new_tokens, Probe* probe,
             std::unique_ptr<StepGraph> graph)
      : model_(model),
        beams_(beams),
        room_(max_new_tokens),
        probe_(probe),
        input_(std::move(input)),
        graph_(std::move(graph)),
        cache_(model.language_decoder_->cache_layout(), batch(),
               input_.kept_positions() + input_.prompt.mask.size(1), beams, max_new_tokens,
               at::TensorOptions().device(model.device_).dtype(model.dtype_),
               graph_ ? KVCache::Tail::fixed : KVCache::Tail::growing),
        step_ids_(
            at::empty({batch() * beams, 1}, at::TensorOptions().device(model.device_).dtype(at::kLong))) {}

  int64_t batch() const override { return input_.prompt.mask.size(0); }
  int64_t beams() const { return beams_; }
  int64_t room() const { return room_; }

  /// Takes other prompts. A recorded step stays valid, because it reads the same memory. Returns false, and
  /// does nothing, if the prompts have other shapes.
  bool restart(GenerationInput next) {
    const auto places = input_.read_by_steps(), values = next.read_by_steps();
    if (input_.kept || next.kept || !places || !values || input_.media.media != next.media.media ||
        input_.media.tokens != next.media.tokens || !is_same_shape(input_.prompt.mask, next.prompt.mask) ||
        !std::ranges::equal(*places, *values, is_same_shape))
      return false;
    for (size_t i = 0; i < places->size(); ++i)
      if (const at::Tensor& place = (*places)[i]; place.defined()) place.copy_((*values)[i]);
    input_.prompt = std::move(next.prompt);
    cache_.restart();
    return true;
  }

  at::Tensor prefill() override {
    Sequence& prompt = input_.prompt;
    const MaskingRule rule = model_.adapter_->masking_rule();
    const int64_t kept = input_.kept_positions();
    Visibility visibility = prompt_visibility(rule, input_.locations(), input_.media);
    DecodeStep step = prompt_step(prompt, &cache_, probe_);
    if (kept > 0) {
      visibility =
          visibility_of(rule, visibility.text_time.narrow(1, kept, prompt.mask.size(1)), input_.media);
      step.positions = step.positions + kept;
      const at::Tensor& allowed = step.mask.allowed;
      const at::Tensor sees_kept = at::ones({1, 1, 1, kept}, allowed.options());
      AttentionMask mask;
      mask.allowed = at::cat({sees_kept.expand({batch(), 1, allowed.size(2), -1}), allowed}, 3);
      cache_.continue_prompt(input_.kept->keys_values, std::move(mask));
      step.mask = {};
    }
    at::Tensor hidden = model_.run_layers(prompt.hidden, step, visibility, *input_.adapter_state);
    prompt.hidden.reset();
    cache_.begin_tail(input_.mask());
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
    input_.next_position.add_(1);
    return logits.to(at::kFloat, /*non_blocking=*/false, /*copy=*/graph_ != nullptr);
  }

  /// Log-probabilities float32 [B·beams,L] of `next` [B·beams,L], where next[r,l] follows the prompt and
  /// `ids`[r,0..l]. The cache keeps none of these tokens, so the next call continues from the prompts again.
  at::Tensor follow(const at::Tensor& ids, const at::Tensor& next) {
    const int64_t length = ids.size(1);
    const at::Tensor positions = input_.next_position + at::arange(length, input_.next_position.options());
    const Visibility visibility =
        continuation_visibility(model_.adapter_->masking_rule(), input_.images, length, input_.media);
    const at::Tensor hidden = model_.run_layers(
        model_.embed(ids), DecodeStep{positions, {}, &cache_, nullptr}, visibility, *input_.adapter_state);
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
  /// Runs one token for each row, step_ids_ at next_position, and returns logits [B·beams,V]. It writes only
  /// the keys and values at the end of the tail, so running it again gives the same result.
  at::Tensor run_step(bool any_image) {
    Visibility visibility = input_.seen_by_text;
    if (any_image) {
      visibility = cached_visibility(model_.adapter_->masking_rule(), step_ids_ == model_.image_token_id(),
                                     input_.images, input_.media);
    }
    DecodeStep step{input_.next_position, {}, &cache_, nullptr};
    const at::Tensor hidden =
        model_.run_layers(model_.embed(step_ids_), step, visibility, *input_.adapter_state);
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
  int64_t beams_, room_;
  Probe* probe_;
  // A recorded graph reads the tensors of the input and these at fixed addresses, so they are written in
  // place.
  GenerationInput input_;
  std::unique_ptr<StepGraph> graph_;  // may be null
  KVCache cache_;
  at::Tensor step_ids_;         // [B·beams,1]
  at::Tensor repeated_logits_;  // [B·beams,V], written by the graph
};

std::unique_ptr<StepModel> Model::start(const Batch& batch, int64_t beams, int64_t max_new_tokens,
                                        Probe* probe, std::unique_ptr<StepGraph> graph,
                                        int64_t bucket) const {
  auto state = prepare(batch.media);
  Sequence prompt = embed_prompt(batch, *state, max_new_tokens, probe, bucket);
  if (batch.kept) state = join(*batch.kept, batch.media, *state);
  return std::make_unique<Generation>(
      *this, GenerationInput(*this, std::move(prompt), std::move(state), batch, beams), beams, max_new_tokens,
      probe, std::move(graph));
}

bool Model::restart(StepModel& started, const Batch& batch, int64_t bucket) const {
  auto& generation = static_cast<Generation&>(started);
  auto state = prepare(batch.media);
  Sequence prompt = embed_prompt(batch, *state, generation.room(), nullptr, bucket);
  return generation.restart(
      GenerationInput(*this, std::move(prompt), std::move(state), batch, generation.beams()));
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
