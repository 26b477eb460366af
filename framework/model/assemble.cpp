// Builds the components of a model in the order in which their sizes become known, and checks that the
// dimensions of neighbouring components agree.
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "framework/base/text.h"
#include "framework/device/meta_kernels.h"
#include "framework/model/checked.h"
#include "framework/model/laid_out.h"
#include "framework/model/model.h"
#include "framework/model/run_backbone.h"

namespace flam {

namespace {

int64_t vocabulary_of(const ComponentConfig& decoder) {
  const Value params = decoder.resolved();
  const Value* size = params.find("vocab_size");
  if (!size || !size->is_int())
    throw Error(decoder.where, cat(decoder.label(), " declares no integer `vocab_size`"));
  return size->as_int();
}

void check(bool holds, const ComponentConfig& at, const std::string& message) {
  if (!holds) throw Error(at.where, message);
}

void check_adapter_layers(const ModelConfig& config, const Adapter& adapter, const LanguageDecoder& decoder) {
  int64_t previous = -1;
  for (const int64_t layer : adapter.layers()) {
    check(layer > previous && layer < decoder.num_layers(), config.adapter,
          cat(config.adapter.label(), " acts before layer ", layer, ", but ", config.language_decoder.label(),
              " has ", decoder.num_layers(), " layers; change model.adapter or model.language_decoder"));
    previous = layer;
  }
}

/// The media width that the adapter requires, asked of a temporary adapter. If that one can't be built,
/// nothing is returned here, and the error is reported when the final adapter is built.
std::optional<RequiredMediaWidth> required_media_width(const ModelConfig& config, const Registry& registry,
                                                       const FeatureShape& features,
                                                       const LanguageDecoder& decoder) {
  WeightStore scratch;
  WeightScope scope(scratch, "adapter");
  const AdapterInput guess{{features.tokens(), features.width}, decoder.hidden_size(), decoder.num_layers()};
  try {
    return registry.build<Adapter>(config.adapter, guess, &scope)->required_media_width();
  } catch (const Error&) {
    return std::nullopt;
  }
}

void check_media_width(const ModelConfig& config, const MediaShape& media,
                       const std::optional<RequiredMediaWidth>& required, const LanguageDecoder& decoder) {
  if (!required || media.width == required->width) return;
  throw Error(
      config.adapter.where,
      cat(config.adapter.label(), " takes media tokens of width ", required->width,
          required->width == decoder.hidden_size()
              ? cat(", the hidden_size of ", config.language_decoder.label())
              : "",
          ", but ", config.resampler.label(), " has the fixed width ", media.width, "; set model.adapter.",
          required->otherwise, ", make the two widths equal, or choose another model.resampler"));
}

void check_announced(const ComponentConfig& component,
                     std::initializer_list<std::pair<const char*, int64_t>> sizes) {
  for (const auto& [what, size] : sizes)
    check(size > 0, component,
          cat(component.label(), " announces ", size, " ", what, "; expected at least 1"));
}

/// Error: the layout has tile slots, and the backbone does not take them.
void check_tile_slots(const ModelConfig& config, const MediaLayout& layout, const VisionBackbone& backbone) {
  if (layout.tile_slots() == 1) return;
  const c10::InferenceMode inference;
  const VisionInput empty =
      missing_picture(layout, backbone.image_size(), backbone.shape(), at::TensorOptions().device(at::kMeta));
  try {
    run_backbone(backbone, Border(config.vision_backbone), empty);
  } catch (const RunError&) {
    throw;
  } catch (const Error& error) {
    throw Error(config.media_layout.where,
                cat(config.media_layout.label(), " has ", layout.tile_slots(),
                    " tile slots, which the backbone gets together, but ", error.what()));
  }
}

}  // namespace

std::unique_ptr<Model> Model::assemble(const ModelConfig& config, const Registry& registry) {
  register_meta_kernels();
  std::unique_ptr<Model> model(new Model);
  const auto scope = [&](const char* name) { return WeightScope(model->weights_, name); };

  model->tokenizer_ =
      build_checked<Tokenizer>(registry, config.tokenizer, {vocabulary_of(config.language_decoder)});
  const auto& added = model->tokenizer_->added_tokens();
  const auto image = std::find(added.begin(), added.end(), model->tokenizer_->image_token());

  WeightScope decoder_scope = scope("language_decoder");
  model->language_decoder_ = registry.build<LanguageDecoder>(
      config.language_decoder, DecoderInput{static_cast<int64_t>(added.size())}, &decoder_scope);
  const LanguageDecoder& decoder = *model->language_decoder_;
  check_announced(config.language_decoder, {{"tokens in its vocabulary", decoder.vocab_size()},
                                            {"as the width of its hidden states", decoder.hidden_size()},
                                            {"positions", decoder.max_positions()}});
  if (image != added.end()) model->image_token_id_ = decoder.vocab_size() + (image - added.begin());

  WeightScope backbone_scope = scope("vision_backbone");
  model->vision_backbone_ = registry.build<VisionBackbone>(config.vision_backbone, {}, &backbone_scope);
  const FeatureShape features = model->vision_backbone_->shape();
  check_announced(config.vision_backbone,
                  {{"tokens per picture", features.tokens()},
                   {"as the width of its features", features.width},
                   {"pixels as its pictures' size", model->vision_backbone_->image_size()}});

  model->media_layout_ =
      build_checked<MediaLayout>(registry, config.media_layout,
                                 {model->tokenizer_->image_token(), model->vision_backbone_->image_size()});
  check_tile_slots(config, *model->media_layout_, *model->vision_backbone_);

  const auto required = required_media_width(config, registry, features, decoder);
  WeightScope resampler_scope = scope("resampler");
  model->resampler_ = registry.build<Resampler>(
      config.resampler, ResamplerInput{features, required ? required->width : features.width},
      &resampler_scope);
  const MediaShape media = model->resampler_->shape();
  check_announced(config.resampler, {{"media tokens per picture", media.tokens},
                                     {"as the width of its media tokens", media.width}});
  check_media_width(config, media, required, decoder);

  WeightScope adapter_scope = scope("adapter");
  model->adapter_ = registry.build<Adapter>(
      config.adapter,
      AdapterInput{{model->media_tokens(), media.width}, decoder.hidden_size(), decoder.num_layers()},
      &adapter_scope);
  check_adapter_layers(config, *model->adapter_, decoder);
  model->adapter_layers_ = model->adapter_->layers();
  model->decoder_border_ = Border(config.language_decoder);
  model->backbone_border_ = Border(config.vision_backbone);
  model->resampler_border_ = Border(config.resampler);
  model->adapter_border_ = Border(config.adapter);
  return model;
}

}  // namespace flam
