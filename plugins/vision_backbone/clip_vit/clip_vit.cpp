// CLIP's vision transformer (Radford et al. 2021, section 2.4): patches, learned positions, a norm, pre-norm
// blocks.
#include "plugins/vision_backbone/clip_vit/clip_vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

namespace flam {

void ClipVitParams::visit(ParamVisitor& v) {
  v("image_size", image_size,
    "height and width of the pictures, pixels; pixels beyond the last whole patch are ignored",
    between(1, kMostOfASize));
  v("patch_size", patch_size, "height and width of a patch, pixels", between(1, kMostOfASize));
  v("hidden_size", hidden_size, "width of the tokens", between(1, kMostOfASize));
  v("num_layers", num_layers, "transformer blocks", between(0, 10000));
  v("feature_layer", feature_layer,
    "the features are the tokens after this number of blocks; a negative one counts from the end: -1 is the "
    "last block, -2 the one before it (LLaVA). Later blocks are not built",
    between(-10001, 10000));
  v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
  v("intermediate_size", intermediate_size, "inner width of the feed-forward", between(1, kMostOfASize));
  v("activation", activation, "activation of the feed-forward; OpenAI's weights need quick_gelu",
    choices("gelu", "quick_gelu"));
  v("layer_norm_eps", layer_norm_eps, "added to the variance in every norm", more_than(0));
  v("class_token", class_token, "whether a learned class token goes before the patches");
  v("output_class_token", output_class_token,
    "whether the features include the class token, as their prefix");
  v("pre_norm", pre_norm, "whether there is a norm before the first block");
  v("final_norm", final_norm, "whether there is a norm after the last block that is built");
  v("drop_path_rate", drop_path_rate,
    "stochastic depth in training: the probability that a branch of the last block is left out; it "
    "rises from 0 in the first block by equal steps",
    between(0, 1));
}

namespace {

int64_t grid_of(const ClipVitParams& p) {
  if (p.image_size < p.patch_size) {
    throw Error(cat("image_size ", p.image_size, " is smaller than one patch, patch_size ", p.patch_size));
  }
  if (p.used_layers() < 0 || p.used_layers() > p.num_layers) {
    throw Error(
        cat("feature_layer ", p.feature_layer, " is not one of num_layers ", p.num_layers, " blocks"));
  }
  if (p.output_class_token && !p.class_token) throw Error("output_class_token needs class_token: true");
  return p.image_size / p.patch_size;
}

}  // namespace

ClipVit::ClipVit(const ClipVitParams& params, const Input&, WeightScope& weights)
    : params_(params),
      grid_(grid_of(params)),
      patch_embedding_(weights, "patch_embedding", params.hidden_size, params.patch_size, /*bias=*/false),
      encoder_(weights,
               {params.used_layers(), params.hidden_size, params.num_heads, params.intermediate_size,
                params.activation == ClipVitParams::Act::gelu ? Activation::gelu : Activation::quick_gelu,
                params.layer_norm_eps, false, false, params.drop_path_rate}),
      tables_(clip_vit_naming_tables(params)) {
  const int64_t width = params.hidden_size;
  if (params.class_token) class_embedding_ = weights.tensor("class_embedding", {width}, Init::normal(0.02));
  position_embedding_ =
      weights.tensor("position_embedding", {grid_ * grid_ + params.class_token, width}, Init::normal(0.02));
  if (params.pre_norm) pre_norm_ = LayerNorm(weights, "pre_norm", width, params.layer_norm_eps);
  if (params.final_norm) final_norm_ = LayerNorm(weights, "final_norm", width, params.layer_norm_eps);
}

FeatureShape ClipVit::shape() const {
  return {params_.hidden_size, grid_, grid_, params_.output_class_token};
}

Features ClipVit::forward(const at::Tensor& pixels) const {
  check_pixels(pixels, params_.image_size, "clip_vit");
  at::Tensor x = patch_embedding_(pixels);
  if (params_.class_token) {
    x = at::cat({class_embedding_.tensor().expand({x.size(0), 1, params_.hidden_size}), x}, 1);
  }
  x = x + position_embedding_.tensor();
  if (params_.pre_norm) x = pre_norm_(x);
  x = encoder_(x);
  if (params_.final_norm) x = final_norm_(x);
  if (params_.class_token && !params_.output_class_token) x = x.narrow(1, 1, grid_ * grid_);
  return {x, grid_, grid_, params_.output_class_token};
}

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::ClipVit, flam::ClipVitParams>("clip_vit",
                                                    "CLIP's vision transformer: patch tokens of a picture");
}
