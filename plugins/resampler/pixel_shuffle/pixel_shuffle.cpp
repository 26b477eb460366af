// The connector of Idefics3 (Laurençon et al. 2024, "Building and better understanding vision-language
// models", section 3.1) and SmolVLM: square blocks of patches become one token each, which is projected.
#include <ATen/TensorOperators.h>

#include "framework/sdk.h"

namespace flam {

struct PixelShuffleParams {
  int64_t factor = 2;
  int64_t depth = 1;
  std::optional<int64_t> hidden_size;
  Activation activation = Activation::gelu;
  bool bias = false;

  void visit(ParamVisitor& v) {
    v("factor", factor,
      "side of a block of patches (scale_factor in transformers); a picture has factor² times fewer media "
      "tokens than patches",
      between(1, kMostOfASize));
    v("depth", depth, "number of linear layers; 1 in Idefics3 and SmolVLM", between(1, 10000));
    v("hidden_size", hidden_size, "inner width between the layers; null: the media width",
      between(1, kMostOfASize));
    v("activation", activation, "activation between the layers",
      choices("gelu", "quick_gelu", "relu", "silu", "gelu_tanh"));
    v("bias", bias, "whether the linear layers have a bias");
  }
};

/// features [B,T,F,P,D] → media tokens [B,T,P / factor²,D'], D' the requested media width; blocks row by row.
/// The channels of a block are those of its patches, row by row, one patch after the other. Prefix tokens are
/// left out. Every frame is projected, then frames are averaged place by place.
class PixelShuffle final : public Resampler {
 public:
  PixelShuffle(const PixelShuffleParams& params, const ResamplerInput& in, WeightScope& weights)
      : factor_(params.factor), activation_(params.activation) {
    const FeatureShape& features = in.features;
    if (features.grid_h % factor_ != 0 || features.grid_w % factor_ != 0) {
      throw Error(cat("factor ", factor_, " does not divide the backbone's grid of ", features.grid_h, " × ",
                      features.grid_w, " patches; change it, or the backbone's image_size or patch_size"));
    }
    const int64_t block = factor_ * factor_, hidden = params.hidden_size.value_or(in.media_width);
    for (int64_t i = 0; i < params.depth; ++i) {
      layers_.emplace_back(weights / "layers", std::to_string(i), i == 0 ? features.width * block : hidden,
                           i + 1 == params.depth ? in.media_width : hidden,
                           LinearOptions{.bias = params.bias});
    }
    shape_ = {features.grid_h * features.grid_w / block, in.media_width};
    name_tensors();
  }

  MediaShape shape() const override { return shape_; }

  at::Tensor forward(const Features& features) const override {
    const int64_t rows = features.grid_h / factor_, columns = features.grid_w / factor_;
    const at::Tensor blocks =
        features.tokens.narrow(3, features.prefix_tokens, features.grid_h * features.grid_w)
            .unflatten(3, {rows, factor_, columns, factor_})  // [B,T,F,rows,f,columns,f,D]
            .transpose(4, 5)
            .flatten(5, 7)
            .flatten(3, 4);
    at::Tensor x = layers_.front()(blocks);
    for (size_t i = 1; i < layers_.size(); ++i) x = layers_[i](activate(x, activation_));
    return x.size(2) == 1 ? x.squeeze(2) : x.mean(2);
  }

  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  /// Used after model.connector.; several layers have the names of transformers' other projectors.
  void name_tensors() {
    NamingTable huggingface{"huggingface", {}};
    for (size_t i = 0; i < layers_.size(); ++i) {
      rename_layer(huggingface.rules,
                   layers_.size() == 1 ? "modality_projection.proj" : cat("linear_", i + 1),
                   cat("layers.", i));
    }
    tables_ = {huggingface};
  }

  int64_t factor_;
  Activation activation_;
  MediaShape shape_;
  std::vector<Linear> layers_;
  std::vector<NamingTable> tables_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::PixelShuffle, flam::PixelShuffleParams>(
      "pixel_shuffle",
      "blocks of patches become one token each, as in Idefics3 and SmolVLM; frames are averaged place by "
      "place");
}
