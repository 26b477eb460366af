// LLaVA's projector: every patch becomes a media token (Liu et al. 2023, "Visual Instruction Tuning",
// section 4.1, one matrix; "Improved Baselines with Visual Instruction Tuning", section 3.2, mlp2x_gelu).
#include <ATen/TensorOperators.h>

#include "framework/sdk.h"

namespace flam {

struct MlpParams {
  int64_t depth = 2;
  std::optional<int64_t> hidden_size;
  Activation activation = Activation::gelu;
  bool bias = true;
  bool drop_prefix = true;

  void visit(ParamVisitor& v) {
    v("depth", depth, "number of linear layers: 2 in LLaVA-1.5 (mlp2x_gelu), 1 in LLaVA (linear)",
      between(1, 10000));
    v("hidden_size", hidden_size, "inner width between the layers; null: the media width",
      between(1, kMostOfASize));
    v("activation", activation, "activation between the layers",
      choices("gelu", "quick_gelu", "relu", "silu", "gelu_tanh"));
    v("bias", bias, "whether the linear layers have a bias");
    v("drop_prefix", drop_prefix,
      "true: prefix tokens (class, registers) are left out (LLaVA: 'patch', in transformers 'default'); "
      "false: "
      "they become media tokens too ('cls_patch', 'full')");
  }
};

/// features [B,T,F,P,D] → media tokens [B,T,L,D'], L = P or P without its prefix, D' the requested width.
/// Every frame is projected, then frames are averaged place by place, so a video has as many media tokens as
/// a picture.
class Mlp final : public Resampler {
 public:
  Mlp(const MlpParams& params, const ResamplerInput& in, WeightScope& weights)
      : activation_(params.activation), dropped_(params.drop_prefix ? in.features.prefix_tokens : 0) {
    const int64_t hidden = params.hidden_size.value_or(in.media_width);
    for (int64_t i = 0; i < params.depth; ++i) {
      layers_.emplace_back(weights / "layers", std::to_string(i), i == 0 ? in.features.width : hidden,
                           i + 1 == params.depth ? in.media_width : hidden,
                           LinearOptions{.bias = params.bias});
    }
    shape_ = {in.features.tokens() - dropped_, in.media_width};
    name_tensors();
  }

  MediaShape shape() const override { return shape_; }

  at::Tensor forward(const Features& features) const override {
    at::Tensor x = layers_.front()(features.tokens.narrow(3, dropped_, shape_.tokens));
    for (size_t i = 1; i < layers_.size(); ++i) x = layers_[i](activate(x, activation_));
    return x.mean(2);
  }

  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  /// `huggingface` after multi_modal_projector., `llava` after mm_projector. (an nn.Sequential, whose odd
  /// members are activations; a single matrix has no index).
  void name_tensors() {
    NamingTable huggingface{"huggingface", {}}, llava{"llava", {}};
    for (size_t i = 0; i < layers_.size(); ++i) {
      for (const char* leaf : {"weight", "bias"}) {
        const std::string ours = cat("layers.", i, ".", leaf);
        huggingface.rules.push_back({cat("linear_", i + 1, ".", leaf), ours});
        llava.rules.push_back({layers_.size() == 1 ? leaf : cat(2 * i, ".", leaf), ours});
      }
    }
    tables_ = {huggingface, llava};
  }

  Activation activation_;
  int64_t dropped_;
  MediaShape shape_;
  std::vector<Linear> layers_;
  std::vector<NamingTable> tables_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::Mlp, flam::MlpParams>(
      "mlp", "every patch projected by itself, as LLaVA does; frames are averaged place by place");
}
