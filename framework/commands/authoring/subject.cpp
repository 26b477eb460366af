#include "framework/commands/authoring/subject.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "framework/base/text.h"
#include "framework/component/adapter.h"
#include "framework/component/language_decoder.h"
#include "framework/component/resampler.h"
#include "framework/component/transform.h"
#include "framework/component/vision_backbone.h"
#include "framework/device/meta_kernels.h"
#include "framework/model/visibility.h"

namespace flam {

void fill(WeightStore& store) {
  store.initialise(at::kCPU, at::kFloat, /*seed=*/1);
  at::manual_seed(2);
  for (const auto& slot : store.slots()) {
    if (slot->init.is_random() || !slot->tensor.is_floating_point()) continue;
    const bool zero = slot->init.kind == Init::Kind::zeros || slot->init.value == 0;
    const bool ones = slot->init.kind == Init::Kind::ones;
    const at::Tensor noise = at::rand(slot->shape) * 0.2;
    slot->tensor = zero && !ones ? noise - 0.1 : slot->tensor * (1 + noise);
  }
}

DecodeStep whole_prompt(int64_t rows, int64_t length, at::Device device) {
  return {
      at::arange(length, at::kLong).expand({rows, length}).contiguous().to(device),
      at::ones({length, length}, at::kBool).tril().expand({rows, 1, length, length}).contiguous().to(device),
      nullptr, nullptr};
}

namespace {

template <class Slot>
std::unique_ptr<Slot> build(const Registry& registry, const ComponentConfig& config, WeightStore& store,
                            const typename Slot::Input& input = {}) {
  register_meta_kernels();
  WeightScope scope(store, Slot::kKind);
  return registry.build<Slot>(config, input, &scope);
}

class TransformSubject final : public Subject {
 public:
  TransformSubject(const Registry& registry, const ComponentConfig& config)
      : transform_(build<Transform>(registry, config, store)) {}

  /// One picture, because transforms don't take batches.
  Tensors input(int64_t, uint64_t seed) const override {
    at::manual_seed(seed);
    return {at::randint(256, {300, 340, 3}, at::kByte)};
  }
  at::Tensor run(const Tensors& in) const override {
    at::Tensor out = transform_->apply({in[0]}).data;
    if (out.defined() && out.dim() == 3) {
      if (out.scalar_type() == at::kByte && out.size(2) == 3) return out;
      if (out.scalar_type() == at::kFloat && out.size(0) == 3) return out;
    }
    throw Error(out.defined() ? cat("gives ", out.scalar_type(), " ", out.sizes(),
                                    " for a picture; expected uint8 [H,W,3] or float32 [3,H,W]")
                              : "gives an undefined tensor");
  }
  std::vector<int64_t> announced(const Tensors&) const override { return {-1, -1, -1}; }

 private:
  std::unique_ptr<Transform> transform_;
};

class BackboneSubject final : public Subject {
 public:
  BackboneSubject(const Registry& registry, const ComponentConfig& config)
      : backbone_(build<VisionBackbone>(registry, config, store)) {}

  Tensors input(int64_t rows, uint64_t seed) const override {
    at::manual_seed(seed);
    return {at::randn({rows, 3, backbone_->image_size(), backbone_->image_size()})};
  }
  at::Tensor run(const Tensors& in) const override {
    const Features out = backbone_->forward(in[0]);
    const FeatureShape shape = backbone_->shape();
    if (out.grid_h != shape.grid_h || out.grid_w != shape.grid_w ||
        out.prefix_tokens != shape.prefix_tokens) {
      throw Error(cat("gives a grid of ", out.grid_h, "×", out.grid_w, " and ", out.prefix_tokens,
                      " prefix tokens; it announced ", shape.grid_h, "×", shape.grid_w, " and ",
                      shape.prefix_tokens));
    }
    return out.tokens;
  }
  std::vector<int64_t> announced(const Tensors& in) const override {
    return {in[0].size(0), backbone_->shape().tokens(), backbone_->shape().width};
  }
  const std::vector<NamingTable>* naming_tables() const override { return &backbone_->naming_tables(); }

 private:
  std::unique_ptr<VisionBackbone> backbone_;
};

class ResamplerSubject final : public Subject {
 public:
  ResamplerSubject(const Registry& registry, const ComponentConfig& config, const Setting& setting)
      : setting_(setting),
        resampler_(build<Resampler>(registry, config, store, {setting.features(), setting.media_width})) {}

  Tensors input(int64_t rows, uint64_t seed) const override {
    at::manual_seed(seed);
    return {at::randn({rows, 2, 1, setting_.features().tokens(), setting_.feature_width})};
  }
  at::Tensor run(const Tensors& in) const override {
    return resampler_->forward({in[0], setting_.grid, setting_.grid, setting_.prefix_tokens});
  }
  std::vector<int64_t> announced(const Tensors& in) const override {
    return {in[0].size(0), 2, resampler_->shape().tokens, resampler_->shape().width};
  }
  const std::vector<NamingTable>* naming_tables() const override { return &resampler_->naming_tables(); }

 private:
  Setting setting_;
  std::unique_ptr<Resampler> resampler_;
};

/// The input has six tokens per row, of which the first and the fourth are media markers.
class AdapterSubject final : public Subject {
 public:
  AdapterSubject(const Registry& registry, const ComponentConfig& config, const Setting& setting)
      : setting_(setting) {
    AdapterInput in{{setting.media_tokens, setting.media_width}, setting.hidden_size, setting.num_layers};
    WeightStore scratch;
    if (const auto required = build<Adapter>(registry, config, scratch, in)->required_media_width())
      in.media.width = required->width;
    media_width_ = in.media.width;
    adapter_ = build<Adapter>(registry, config, store, in);
  }

  Tensors input(int64_t rows, uint64_t seed) const override {
    at::manual_seed(seed);
    return {at::randn({rows, 2, setting_.media_tokens, media_width_}),
            at::randn({rows, kTokens, setting_.hidden_size})};
  }
  at::Tensor run(const Tensors& in) const override {
    const int64_t rows = in[1].size(0);
    at::Tensor markers = at::zeros({rows, kTokens}, at::kBool);
    markers.select(1, 0).fill_(true);
    markers.select(1, 3).fill_(true);
    const auto state = adapter_->prepare(in[0]);
    if (!state) throw Error("returns no state from prepare()");
    Sequence sequence = adapter_->embed({in[1], at::ones({rows, kTokens}, at::kBool), markers}, *state);
    const Visibility visibility = prompt_visibility(
        adapter_->masking_rule(), sequence.media_locations.to(in[1].device()), MediaCount::of(in[0]));
    for (const int64_t layer : adapter_->layers()) {
      if (layer < 0 || layer >= setting_.num_layers)
        throw Error(cat("acts before layer ", layer, " of a decoder of ", setting_.num_layers));
      sequence.hidden = adapter_->before_layer(layer, sequence.hidden, visibility, *state);
    }
    return sequence.hidden;
  }
  std::vector<int64_t> announced(const Tensors& in) const override {
    return {in[1].size(0), -1, setting_.hidden_size};
  }
  const std::vector<NamingTable>* naming_tables() const override { return &adapter_->naming_tables(); }

 private:
  static constexpr int64_t kTokens = 6;
  Setting setting_;
  int64_t media_width_ = 0;
  std::unique_ptr<Adapter> adapter_;
};

class DecoderSubject final : public Subject {
 public:
  DecoderSubject(const Registry& registry, const ComponentConfig& config, const Setting& setting)
      : added_(setting.added_tokens),
        decoder_(build<LanguageDecoder>(registry, config, store, {setting.added_tokens})) {}

  Tensors input(int64_t rows, uint64_t seed) const override {
    at::manual_seed(seed);
    return {at::randint(decoder_->vocab_size() + added_, {rows, kTokens}, at::kLong)};
  }
  at::Tensor run(const Tensors& in) const override {
    const DecodeStep step = whole_prompt(in[0].size(0), kTokens, in[0].device());
    const at::Tensor hidden = decoder_->run(0, decoder_->num_layers(), decoder_->embed(in[0]), step);
    if (!hidden.defined() || hidden.dim() != 3 || hidden.size(2) != decoder_->hidden_size())
      throw Error(cat("gives ", hidden.defined() ? cat("a tensor ", hidden.sizes()) : "an undefined tensor",
                      " from run(); expected [R,L,", decoder_->hidden_size(), "]"));
    return decoder_->head(hidden, nullptr);
  }
  std::vector<int64_t> announced(const Tensors& in) const override {
    // Without added tokens, the rows may be those of a checkpoint, which may have more for padding.
    return {in[0].size(0), kTokens, added_ > 0 ? decoder_->vocab_size() + added_ : -1};
  }
  const LanguageDecoder* decoder() const override { return decoder_.get(); }
  const std::vector<NamingTable>* naming_tables() const override { return &decoder_->naming_tables(); }

 private:
  static constexpr int64_t kTokens = 6;
  int64_t added_;
  std::unique_ptr<LanguageDecoder> decoder_;
};

}  // namespace

std::unique_ptr<Subject> make_subject(const Registry& registry, const ComponentConfig& config,
                                      const Setting& setting) {
  const std::string& kind = config.type->kind;
  if (kind == Transform::kKind) return std::make_unique<TransformSubject>(registry, config);
  if (kind == VisionBackbone::kKind) return std::make_unique<BackboneSubject>(registry, config);
  if (kind == Resampler::kKind) return std::make_unique<ResamplerSubject>(registry, config, setting);
  if (kind == Adapter::kKind) return std::make_unique<AdapterSubject>(registry, config, setting);
  return std::make_unique<DecoderSubject>(registry, config, setting);
}

}  // namespace flam
