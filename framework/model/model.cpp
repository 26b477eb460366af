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

at::Tensor Model::forward(const Batch& batch, Probe* probe) const {
  const at::Tensor ids = batch.ids.to(device_);
  const at::Tensor mask = batch.attention_mask.to(device_, at::kBool);
  DecodeStep step{positions_of(mask), causal_mask(mask), nullptr, probe};
  const Placement placement = place_prompt(adapter_->masking_rule(), (ids == image_token_id_) & mask);
  const auto state = adapter_->prepare(batch.media);
  const at::Tensor hidden = language_decoder_->embed(ids);
  if (probe) probe->record("embed", -1, hidden);
  return run_layers(*this, adapter_layers_, hidden, step, placement, *state);
}

at::Tensor Model::logits(const at::Tensor& hidden, Probe* probe) const {
  return language_decoder_->head(hidden, probe);
}

}  // namespace flam
