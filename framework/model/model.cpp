#include "framework/model/model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <array>

#include "framework/base/text.h"
#include "framework/device/to_device.h"
#include "framework/model/forward.h"
#include "framework/model/kept_prompt.h"

namespace flam {

StepModel::~StepModel() = default;

const std::vector<NamingTable>* Model::find_naming_tables(const std::string& slot) const {
  if (slot == "vision_backbone") return &vision_backbone_->naming_tables();
  if (slot == "resampler") return &resampler_->naming_tables();
  if (slot == "adapter") return &adapter_->naming_tables();
  if (slot == "language_decoder") return &language_decoder_->naming_tables();
  return nullptr;
}

const std::vector<NamingTable>& Model::naming_tables(const std::string& slot) const {
  const auto* tables = find_naming_tables(slot);
  if (!tables) throw Error(cat("there is no slot ", quoted(slot)));
  return *tables;
}

LoadReport Model::load(const WeightsConfig* files, at::Device device, at::ScalarType dtype, uint64_t seed) {
  const NamingLookup namings = [this](const std::string& slot) { return find_naming_tables(slot); };
  LoadReport report;
  if (files) {
    report = load_weights(weights_, *files, namings, device, dtype, seed);
  } else {
    weights_.initialise(device, dtype, seed);
  }
  place(device, dtype);
  std::vector<int64_t> padding;
  for (const auto& slot : weights_.slots()) {
    if (slot->vocabulary) padding.push_back(slot->padding_rows);
  }
  if (padding.empty()) return report;
  const auto [least, most] = std::minmax_element(padding.begin(), padding.end());
  least_padding_ = *least;
  most_padding_ = *most;
  return report;
}

void Model::place(at::Device device, at::ScalarType dtype) {
  device_ = device;
  dtype_ = dtype;
}

at::Tensor Model::embed(const at::Tensor& ids) const {
  return decoder_border_.tensor("embed", {ids.size(0), ids.size(1), language_decoder_->hidden_size()},
                                at::TensorOptions().device(device_).dtype(dtype_),
                                [&] { return language_decoder_->embed(ids); });
}

std::unique_ptr<AdapterState> Model::prepare(const at::Tensor& media) const {
  auto state = adapter_border_("prepare", [&] { return adapter_->prepare(media); });
  if (!state)
    adapter_border_.fail(
        "gives no state from prepare(); expected a state, which may be empty if there are no media");
  return state;
}

at::Tensor Model::run_layers(at::Tensor hidden, const DecodeStep& step, const Visibility& visibility,
                             const AdapterState& state) const {
  const std::vector<int64_t> shape = hidden.sizes().vec();
  const at::TensorOptions options = hidden.options();
  const auto run = [&](int64_t first, int64_t last) {
    hidden = decoder_border_.tensor("run", shape, options,
                                    [&] { return language_decoder_->run(first, last, hidden, step); });
  };
  int64_t next = 0;
  for (const int64_t layer : adapter_layers_) {
    if (layer > next) run(next, layer);
    hidden = adapter_border_.tensor("before_layer", shape, options,
                                    [&] { return adapter_->before_layer(layer, hidden, visibility, state); });
    if (step.probe) step.probe->record("xattn_out_layer", layer, hidden);
    next = layer;
  }
  run(next, language_decoder_->num_layers());
  return hidden;
}

at::Tensor positions_of(const at::Tensor& attention_mask) {
  return (attention_mask.to(at::kLong).cumsum(-1) - 1)
      .masked_fill(attention_mask.to(at::kBool).bitwise_not(), 1);
}

namespace {

/// [L,L] bool: up to each position.
at::Tensor earlier(int64_t length, const at::TensorOptions& options) {
  const at::Tensor at_position = at::arange(length, options.dtype(at::kLong));
  return at_position.unsqueeze(1) >= at_position.unsqueeze(0);
}

/// The mask of `seen` [B,L,L] or [L,L] without the keys that are padding.
AttentionMask without_padding(const at::Tensor& seen, const at::Tensor& real) {
  AttentionMask mask;
  mask.allowed = ((seen & real.unsqueeze(1)) | real.bitwise_not().unsqueeze(2)).unsqueeze(1);
  return mask;
}

}  // namespace

AttentionMask causal_mask(int64_t rows, int64_t length, const at::TensorOptions& options) {
  AttentionMask mask;
  mask.allowed = earlier(length, options).expand({rows, 1, length, length});
  mask.causal = true;
  return mask;
}

AttentionMask causal_mask(const at::Tensor& attention_mask) {
  const at::Tensor real = attention_mask.to(at::kBool);
  return without_padding(earlier(real.size(1), real.options()), real);
}

at::Tensor at_tokens(const Sequence& sequence) {
  if (!sequence.token_positions.defined()) return sequence.hidden;
  const at::Tensor index = sequence.token_positions.unsqueeze(-1);
  return sequence.hidden.gather(1, index.expand({-1, -1, sequence.hidden.size(-1)}));
}

DecodeStep prompt_step(const Sequence& sequence, KVCache* cache, Probe* probe) {
  const int64_t rows = sequence.mask.size(0), length = sequence.mask.size(1);
  AttentionMask mask;
  if (sequence.is_causal) {
    mask = causal_mask(rows, length, sequence.mask.options());
  } else {
    at::Tensor seen = earlier(length, sequence.mask.options());
    if (const at::Tensor& spans = sequence.spans; spans.defined())
      seen = seen | (spans.unsqueeze(1).eq(spans.unsqueeze(2)) & spans.unsqueeze(1).gt(0));
    mask = without_padding(seen, sequence.mask);
  }
  return {positions_of(sequence.mask), std::move(mask), cache, probe};
}

int64_t Model::image_token_id() const {
  if (image_token_id_ >= 0) return image_token_id_;
  return tokenizer_->token_id(tokenizer_->image_token()).value_or(language_decoder_->vocab_size() - 1);
}

namespace {

/// The sequence with `count` more positions of padding on the left.
Sequence with_padding(Sequence sequence, int64_t count) {
  if (count == 0) return sequence;
  sequence.hidden = at::constant_pad_nd(sequence.hidden, std::array<int64_t, 4>{0, 0, count, 0}, 0);
  for (at::Tensor* data : {&sequence.mask, &sequence.media_locations, &sequence.spans}) {
    if (data->defined()) *data = at::constant_pad_nd(*data, std::array<int64_t, 2>{count, 0}, 0);
  }
  if (sequence.token_positions.defined()) sequence.token_positions = sequence.token_positions + count;
  return sequence;
}

}  // namespace

Sequence Model::embed_prompt(const Batch& batch, const AdapterState& state, int64_t new_tokens, Probe* probe,
                             int64_t bucket) const {
  const at::Tensor real = batch.attention_mask.to(at::kCPU, at::kBool);
  Sequence tokens{embed(to_device(batch.ids, device_)), real,
                  (batch.ids.to(at::kCPU) == image_token_id()) & real};
  const at::TensorOptions options = tokens.hidden.options();
  Sequence sequence = adapter_border_("embed", [&] { return adapter_->embed(std::move(tokens), state); });
  const int64_t batch_size = batch.ids.size(0), width = language_decoder_->hidden_size();
  const int64_t length = sequence.mask.defined() && sequence.mask.dim() == 2 ? sequence.mask.size(1) : 0;
  adapter_border_.check("embed", sequence.hidden, {batch_size, length, width}, options);
  for (const at::Tensor* data : {&sequence.mask, &sequence.media_locations})
    adapter_border_.check("embed", *data, {batch_size, length}, real.options());
  const int64_t context = language_decoder_->max_positions();
  const int64_t prompt_tokens = batch.ids.size(1) + (batch.kept ? std::ssize(batch.kept->ids) : 0);
  const int64_t positions = length + (batch.kept ? batch.kept->positions() : 0);
  if (positions + new_tokens > context) {
    throw Error(cat("the prompt of ", prompt_tokens, " tokens",
                    positions > prompt_tokens ? cat(" (", positions, " positions with the media)") : "",
                    new_tokens > 0 ? cat(" and ", new_tokens, " new ones don't fit") : " doesn't fit",
                    " the context of ", context,
                    " tokens; use fewer shots, a shorter text or a smaller --max-new-tokens"));
  }
  sequence = with_padding(std::move(sequence), (bucket - length % bucket) % bucket);
  sequence.is_causal =
      !sequence.spans.defined() && !sequence.mask.is_meta() && sequence.mask.all().item<bool>();
  for (at::Tensor* data :
       {&sequence.mask, &sequence.media_locations, &sequence.token_positions, &sequence.spans}) {
    if (data->defined()) *data = to_device(*data, device_);
  }
  if (probe) probe->record("embed", -1, sequence.hidden);
  return sequence;
}

int64_t Model::inserted_positions() const {
  Batch one{at::full({1, 1}, image_token_id(), at::kLong), at::ones({1, 1}, at::kBool),
            at::zeros({1, 1, media_tokens(), resampler_->shape().width},
                      at::TensorOptions().device(device_).dtype(dtype_))};
  return embed_prompt(one, *prepare(one.media), 0, nullptr).mask.size(1) - 1;
}

Sequence Model::forward(const Batch& batch, Probe* probe) const {
  if (batch.kept) throw RunError("the uncached forward takes whole prompts, found rows after a kept prompt");
  const auto state = prepare(batch.media);
  Sequence sequence = embed_prompt(batch, *state, 0, probe);
  Visibility visibility =
      prompt_visibility(adapter_->masking_rule(), sequence.media_locations, MediaCount::of(batch.media));
  visibility.probe = probe;
  sequence.hidden = run_layers(sequence.hidden, prompt_step(sequence, nullptr, probe), visibility, *state);
  return sequence;
}

int64_t Model::token_count() const {
  return language_decoder_->vocab_size() + static_cast<int64_t>(tokenizer_->added_tokens().size());
}

at::Tensor Model::logits(const at::Tensor& hidden, Probe* probe) const {
  at::Tensor logits = decoder_border_("head", [&] { return language_decoder_->head(hidden, probe); });
  std::vector<int64_t> shape = hidden.sizes().vec();
  shape.back() = token_count();
  // An output matrix with padding rows has logits for these rows too.
  const int64_t padding = logits.defined() && logits.dim() > 0 ? logits.size(-1) - token_count() : 0;
  if (padding > 0 && padding <= most_padding_) shape.back() += padding;
  decoder_border_.check("head", logits, shape, hidden.options());
  return logits;
}

}  // namespace flam
