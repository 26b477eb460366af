#include "framework/model/model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/index.h>
#include <c10/core/Device.h>

#include "framework/base/text.h"
#include "framework/model/forward.h"

namespace flam {

StepModel::~StepModel() = default;

void Model::load(const WeightsConfig* files, at::Device device, at::ScalarType dtype, uint64_t seed) {
  const NamingLookup namings = [this](const std::string& slot) -> const std::vector<NamingTable>* {
    if (slot == "vision_backbone") return &vision_backbone_->naming_tables();
    if (slot == "resampler") return &resampler_->naming_tables();
    if (slot == "adapter") return &adapter_->naming_tables();
    if (slot == "language_decoder") return &language_decoder_->naming_tables();
    return nullptr;
  };
  if (files) {
    load_weights(weights_, *files, namings, device, dtype, seed);
  } else {
    weights_.initialise(device, dtype, seed);
  }
  place(device, dtype);
}

void Model::place(at::Device device, at::ScalarType dtype) {
  device_ = device;
  dtype_ = dtype;
}

Features Model::encode_images(const at::Tensor& pixels) const {
  Features features = vision_backbone_->forward(pixels.to(device_, dtype_));
  const FeatureShape shape = vision_backbone_->shape();
  if (features.tokens.dim() != 3 || features.tokens.size(1) != shape.tokens() ||
      features.tokens.size(2) != shape.width) {
    throw RunError(cat("the vision backbone announced ", shape.tokens(), " tokens of width ", shape.width,
                       " per image, but gave a tensor of shape ", features.tokens.sizes()));
  }
  return features;
}

at::Tensor Model::resample(const Features& features, const at::Tensor& index, Probe* probe) const {
  Features gathered = features;
  gathered.tokens = at::index(features.tokens, {index.to(device_)});
  gathered.probe = probe;
  if (probe) {
    probe->record(
        "vit_patch_tokens", -1,
        gathered.tokens.flatten(0, 2).narrow(1, features.prefix_tokens, features.grid_h * features.grid_w));
  }
  at::Tensor media = resampler_->forward(gathered);
  const MediaShape shape = resampler_->shape();
  if (media.dim() != 4 || media.size(2) != shape.tokens || media.size(3) != shape.width) {
    throw RunError(cat("the resampler announced ", shape.tokens, " media tokens of width ", shape.width,
                       ", but gave a tensor of shape ", media.sizes()));
  }
  if (probe) probe->record("perceiver_out", -1, media);
  return media;
}

at::Tensor run_layers(const Model& model, const std::vector<int64_t>& adapter_layers, at::Tensor hidden,
                      const DecodeStep& step, const Placement& placement, const AdapterState& state) {
  const LanguageDecoder& decoder = model.language_decoder();
  int64_t next = 0;
  for (const int64_t layer : adapter_layers) {
    if (layer > next) hidden = decoder.run(next, layer, hidden, step);
    hidden = model.adapter().before_layer(layer, hidden, placement, state);
    if (step.probe) step.probe->record("xattn_out_layer", layer, hidden);
    next = layer;
  }
  return decoder.run(next, decoder.num_layers(), hidden, step);
}

at::Tensor positions_of(const at::Tensor& attention_mask) {
  return (attention_mask.to(at::kLong).cumsum(-1) - 1)
      .masked_fill(attention_mask.to(at::kBool).bitwise_not(), 1);
}

at::Tensor causal_mask(const at::Tensor& attention_mask) {
  const int64_t length = attention_mask.size(1);
  const at::Tensor at_position = at::arange(length, attention_mask.options().dtype(at::kLong));
  const at::Tensor causal = at_position.unsqueeze(1) >= at_position.unsqueeze(0);
  return causal.unsqueeze(0).unsqueeze(0) & attention_mask.to(at::kBool).unsqueeze(1).unsqueeze(1);
}

at::Tensor at_tokens(const Sequence& sequence) {
  if (!sequence.token_positions.defined()) return sequence.hidden;
  const at::Tensor index = sequence.token_positions.unsqueeze(-1);
  return sequence.hidden.gather(1, index.expand({-1, -1, sequence.hidden.size(-1)}));
}

DecodeStep prompt_step(const Sequence& sequence, KVCache* cache, Probe* probe) {
  at::Tensor mask = causal_mask(sequence.mask);
  if (const at::Tensor& spans = sequence.spans; spans.defined()) {
    const at::Tensor together = spans.unsqueeze(1).eq(spans.unsqueeze(2)) & spans.unsqueeze(1).gt(0);
    mask = mask | together.unsqueeze(1);
  }
  return {positions_of(sequence.mask), mask, cache, probe};
}

Sequence embed_prompt(const Model& model, const Batch& batch, const AdapterState& state, int64_t new_tokens,
                      Probe* probe) {
  const at::Device device = model.device();
  const at::Tensor real = batch.attention_mask.to(at::kCPU, at::kBool);
  Sequence sequence{model.language_decoder().embed(batch.ids.to(device)), real,
                    (batch.ids.to(at::kCPU) == model.image_token_id()) & real};
  sequence = model.adapter().embed(std::move(sequence), state);
  const int64_t length = sequence.hidden.size(1), context = model.language_decoder().max_positions();
  if (sequence.mask.sizes() != sequence.hidden.sizes().slice(0, 2) ||
      sequence.media_locations.sizes() != sequence.mask.sizes()) {
    throw RunError(cat("the adapter gave a sequence of shape ", sequence.hidden.sizes(),
                       " with a mask of shape ", sequence.mask.sizes(), " and media locations of shape ",
                       sequence.media_locations.sizes()));
  }
  if (length + new_tokens > context) {
    throw Error(cat("the prompt of ", batch.ids.size(1), " tokens",
                    length > batch.ids.size(1) ? cat(", ", length, " with the media among them,") : "",
                    new_tokens > 0 ? cat(" and ", new_tokens, " new ones don't fit") : " doesn't fit",
                    " the context of ", context,
                    " tokens; use fewer shots, a shorter text or a smaller --max-new-tokens"));
  }
  for (at::Tensor* data :
       {&sequence.mask, &sequence.media_locations, &sequence.token_positions, &sequence.spans}) {
    if (data->defined()) *data = data->to(device);
  }
  if (probe) probe->record("embed", -1, sequence.hidden);
  return sequence;
}

Sequence Model::forward(const Batch& batch, Probe* probe) const {
  const auto state = adapter_->prepare(batch.media);
  Sequence sequence = embed_prompt(*this, batch, *state, 0, probe);
  Placement placement = place_prompt(adapter_->masking_rule(), sequence.media_locations);
  placement.probe = probe;
  sequence.hidden = run_layers(*this, adapter_layers_, sequence.hidden, prompt_step(sequence, nullptr, probe),
                               placement, *state);
  return sequence;
}

at::Tensor Model::logits(const at::Tensor& hidden, Probe* probe) const {
  return language_decoder_->head(hidden, probe);
}

}  // namespace flam
