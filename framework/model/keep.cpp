// The beginning of a prompt, run once for all prompts that begin with it.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/device/to_device.h"
#include "framework/model/forward.h"
#include "framework/model/kept_prompt.h"
#include "framework/model/model.h"

namespace flam {

namespace {

/// The position after token `index`.
int64_t end_of_token(const Sequence& sequence, int64_t index) {
  if (!sequence.token_positions.defined()) return index + 1;
  return sequence.token_positions[0][index].item().toLong() + 1;
}

/// The first `length` positions.
Sequence shortened(const Sequence& sequence, int64_t length) {
  Sequence out = sequence;
  for (at::Tensor* data : {&out.hidden, &out.mask, &out.media_locations, &out.spans}) {
    if (data->defined()) *data = data->narrow(1, 0, length);
  }
  return out;
}

}  // namespace

std::shared_ptr<const KeptPrompt> Model::keep(const Batch& batch) const {
  auto kept = std::make_shared<KeptPrompt>();
  kept->media = batch.media;
  kept->adapter = prepare(batch.media);
  const Sequence whole = embed_prompt(batch, *kept->adapter, 0, nullptr);
  const MaskingRule rule = adapter_->masking_rule();
  const int64_t settled = settled_positions(rule, whole.media_locations);
  int64_t tokens = batch.ids.size(1);
  while (tokens > 0 && end_of_token(whole, tokens - 1) > settled) --tokens;
  if (tokens == 0) return nullptr;

  const at::Tensor ids = batch.ids.select(0, 0).narrow(0, 0, tokens).contiguous();
  const auto* first = ids.const_data_ptr<int64_t>();
  kept->ids.assign(first, first + tokens);
  const int64_t media = batch.media.defined() ? batch.media.size(1) : 0;
  if (std::ranges::count(kept->ids, image_token_id()) != media) {
    adapter_border_.fail(
        "lets text see the next picture and puts media among the tokens, so the beginning of a prompt can't "
        "be "
        "kept");
  }
  const Sequence sequence = shortened(whole, end_of_token(whole, tokens - 1));
  KVCache cache(language_decoder_->cache_layout(), 1, sequence.mask.size(1), 1, 0,
                at::TensorOptions().device(device_).dtype(dtype_));
  run_layers(sequence.hidden, prompt_step(sequence, &cache, nullptr),
             prompt_visibility(rule, sequence.media_locations, MediaCount::of(batch.media)), *kept->adapter);
  kept->keys_values = cache.prompts();
  kept->media_locations = sequence.media_locations;
  return kept;
}

std::shared_ptr<const KeptPrompt> Model::restore(KeptPrompt kept) const {
  const auto require = [&](const char* name, const at::Tensor& found, at::ScalarType dtype,
                           const std::vector<int64_t>& shape) {
    if (found.defined() && found.scalar_type() == dtype && found.sizes() == at::IntArrayRef(shape)) return;
    throw Error(cat(name, " must be ", dtype, " ", at::IntArrayRef(shape), ", found ",
                    found.defined() ? cat(found.scalar_type(), " ", found.sizes()) : "none"));
  };
  const CacheLayout layout = language_decoder_->cache_layout();
  const int64_t tokens = std::ssize(kept.ids), media = std::ranges::count(kept.ids, image_token_id());
  const int64_t positions = kept.keys_values.defined() && kept.keys_values.dim() == 6 ? kept.positions() : 0;
  if (tokens == 0 || positions < tokens || positions > language_decoder_->max_positions())
    throw Error(cat("it has ", tokens, " tokens at ", positions, " positions, of at most ",
                    language_decoder_->max_positions()));
  require("keys_values", kept.keys_values, dtype_,
          {layout.num_layers, 2, 1, layout.num_key_value_heads, positions, layout.head_dim});
  require("media_locations", kept.media_locations, at::kBool, {1, positions});
  if (const int64_t marked = kept.media_locations.sum().item().toLong(); marked != media)
    throw Error(cat("media_locations marks ", marked, " positions for ", media, " media markers"));
  if (media > 0) require("media", kept.media, dtype_, {1, media, media_tokens(), resampler_->shape().width});
  for (at::Tensor* data : {&kept.keys_values, &kept.media_locations, &kept.media}) {
    if (data->defined()) *data = to_device(*data, device_);
  }
  kept.adapter = prepare(kept.media);
  return std::make_shared<const KeptPrompt>(std::move(kept));
}

std::unique_ptr<AdapterState> Model::join(const KeptPrompt& kept, const at::Tensor& media,
                                          const AdapterState& state) const {
  if (auto joined = adapter_border_("join", [&] { return adapter_->join(*kept.adapter, state); }))
    return joined;
  if (!media.defined() || !kept.media.defined()) return prepare(media.defined() ? media : kept.media);
  return prepare(at::cat({kept.media.expand({media.size(0), -1, -1, -1}), media}, 1));
}

}  // namespace flam
