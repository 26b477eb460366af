// The vision transformer of DINOv2 (Oquab et al. 2023; registers: Darcet et al. 2023): patches, learned
// positions, pre-norm blocks with layer scale, a norm.
#include "plugins/vision_backbone/dinov2/dinov2.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

namespace flam {

void Dinov2Params::visit(ParamVisitor& v) {
  v("image_size", image_size, "height and width of the pictures, pixels", between(1, kMostOfASize));
  v("patch_size", patch_size, "height and width of a patch, pixels", between(1, kMostOfASize));
  v("hidden_size", hidden_size, "width of the tokens", between(1, kMostOfASize));
  v("num_layers", num_layers, "transformer blocks", between(0, 10000));
  v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
  v("intermediate_size", intermediate_size,
    "inner width of the feed-forward; with swiglu, the width of the gate and of the gated part",
    between(1, kMostOfASize));
  v("swiglu", swiglu, "whether the feed-forward is gated by SiLU, as in ViT-g");
  v("num_register_tokens", num_register_tokens, "number of learned tokens after the class token",
    between(0, kMostOfASize));
  v("layer_norm_eps", layer_norm_eps, "added to the variance in every norm", more_than(0));
  v("layer_scale", layer_scale, "whether each branch of a block is multiplied by a learned vector");
  v("class_position", class_position,
    "whether the class token has a position embedding; false in timm's models with registers");
  v("output_prefix_tokens", output_prefix_tokens, "whether the features include class and register tokens");
  v("final_norm", final_norm, "whether there is a norm after the last block");
  v("position_image_size", position_image_size,
    "image_size of the checkpoint's position embeddings (518 in all published ones); null: image_size",
    between(1, kMostOfASize));
  v("position_interpolation", position_interpolation,
    "how position embeddings of another image_size are resized: bicubic as in Hugging Face's Dinov2Model, "
    "antialiased as in Dinov2WithRegistersModel and timm",
    choices("bicubic", "antialiased"));
  v("drop_path_rate", drop_path_rate,
    "stochastic depth in training: the probability that a branch of the last block is left out; it "
    "rises from 0 in the first block by equal steps",
    between(0, 1));
}

namespace {

int64_t side_of(const char* name, int64_t image_size, int64_t patch_size) {
  if (image_size % patch_size != 0)
    throw Error(cat(name, " ", image_size, " is not a multiple of patch_size ", patch_size));
  return image_size / patch_size;
}

PositionGrid::Shape positions_of(const Dinov2Params& p) {
  const int64_t stored = p.position_image_size.value_or(p.image_size);
  return {p.hidden_size, p.class_position, side_of("position_image_size", stored, p.patch_size),
          p.image_size / p.patch_size, p.position_interpolation};
}

}  // namespace

Dinov2::Dinov2(const Dinov2Params& params, const Input&, WeightScope& weights)
    : params_(params),
      side_(side_of("image_size", params.image_size, params.patch_size)),
      patch_embedding_(weights, "patch_embedding", params.hidden_size, params.patch_size, /*bias=*/true),
      positions_(weights, "position_embedding", positions_of(params)),
      class_embedding_(weights.tensor("class_embedding", {params.hidden_size}, Init::normal(0.02))),
      encoder_(weights, {params.num_layers, params.hidden_size, params.num_heads, params.intermediate_size,
                         Activation::gelu, params.layer_norm_eps, params.layer_scale, params.swiglu,
                         params.drop_path_rate}),
      tables_(dinov2_naming_tables(params)) {
  const int64_t width = params.hidden_size;
  if (params.num_register_tokens > 0) {
    register_tokens_ =
        weights.tensor("register_tokens", {params.num_register_tokens, width}, Init::normal(0.02));
  }
  if (params.final_norm) final_norm_ = LayerNorm(weights, "final_norm", width, params.layer_norm_eps);
}

FeatureShape Dinov2::shape() const {
  return {params_.hidden_size, side_, side_, params_.output_prefix_tokens ? prefix_tokens() : 0};
}

Features Dinov2::forward(const at::Tensor& pixels) const {
  check_pixels(pixels, params_.image_size, "dinov2");
  const int64_t n = pixels.size(0), patches = side_ * side_;
  const at::Tensor positions = positions_();
  at::Tensor class_token = class_embedding_.tensor().unsqueeze(0);
  if (params_.class_position) class_token = class_token + positions.narrow(0, 0, 1);

  std::vector<at::Tensor> parts{class_token.expand({n, -1, -1})};
  if (register_tokens_) parts.push_back(register_tokens_.tensor().expand({n, -1, -1}));
  parts.push_back(patch_embedding_(pixels) + positions.narrow(0, params_.class_position, patches));
  at::Tensor x = encoder_(at::cat(parts, 1));
  if (!params_.output_prefix_tokens) x = x.narrow(1, prefix_tokens(), patches);
  if (params_.final_norm) x = final_norm_(x);
  return {x, side_, side_, shape().prefix_tokens};
}

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::Dinov2, flam::Dinov2Params>(
      "dinov2", "DINOv2's vision transformer: class, register and patch tokens of a picture");
}
