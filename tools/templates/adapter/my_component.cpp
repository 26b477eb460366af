// adapter `my_component`: before some layers, adds to each text token the projected mean of the media tokens
// of the image that it sees, through a tanh gate that starts closed.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  int64_t every_n_layers = 1;

  void visit(ParamVisitor& v) {
    v("every_n_layers", every_n_layers, "acts before decoder layers i with i % n = 0",
      between(1, kMostOfASize));
  }
};

struct MyComponentState final : AdapterState {
  std::vector<at::Tensor> layers;  // [B,1+T,D]: added for text_time 0, 1, … T; empty without media

  std::optional<std::vector<at::Tensor>> tensors() const override { return layers; }
};

/// x += tanh(gate) · proj(mean of the media tokens of the image seen), for tokens that see an image.
class MyComponent final : public Adapter {
 public:
  MyComponent(const MyComponentParams& params, const AdapterInput& in, WeightScope& weights)
      : every_(params.every_n_layers) {
    for (int64_t i = 0; i < in.num_layers; i += every_) {
      const WeightScope layer = weights / "layers" / i;
      layers_.push_back(
          {Linear(layer, "proj", in.media.width, in.hidden_size), layer.tensor("gate", {1}, Init::zeros())});
    }
  }

  std::vector<int64_t> layers() const override {
    std::vector<int64_t> indices;
    for (size_t k = 0; k < layers_.size(); ++k) indices.push_back(static_cast<int64_t>(k) * every_);
    return indices;
  }

  MaskingRule masking_rule() const override { return {}; }  // text sees the last image before it

  std::unique_ptr<AdapterState> prepare(const at::Tensor& media) const override {
    auto state = std::make_unique<MyComponentState>();
    if (!media.defined() || media.size(1) == 0) return state;
    const at::Tensor mean = media.mean(2);
    for (const Layer& layer : layers_) {
      const at::Tensor added = layer.proj(mean) * layer.gate.tensor().tanh();
      state->layers.push_back(at::cat({added.narrow(1, 0, 1) * 0, added}, 1));
    }
    return state;
  }

  at::Tensor before_layer(int64_t layer, const at::Tensor& hidden, const Visibility& visibility,
                          const AdapterState& state) const override {
    const auto& layers = static_cast<const MyComponentState&>(state).layers;
    if (layers.empty() || visibility.sees_nothing) return hidden;
    const at::Tensor& added = layers.at(layer / every_);
    // The rows of one media row (its beams) are adjacent.
    const at::Tensor rows = added.repeat_interleave(hidden.size(0) / added.size(0), 0);
    const at::Tensor seen = visibility.text_time.clamp(0, added.size(1) - 1).unsqueeze(-1);
    return hidden + rows.gather(1, seen.expand({-1, -1, hidden.size(2)}));
  }

 private:
  struct Layer {
    Linear proj;
    Weight gate;
  };
  int64_t every_;
  std::vector<Layer> layers_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component",
                                                "adds the mean media token of the image seen");
}

}  // namespace flam
