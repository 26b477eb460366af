// The vision transformer of SigLIP (Zhai et al. 2023, section 4), SigLIP 2, Idefics3 and SmolVLM: patches,
// learned positions, pre-norm blocks, a norm. It has no class token, and the pooling head is left out.
#include <ATen/TensorOperators.h>

#include "framework/sdk.h"

namespace flam {

/// Defaults: SO400M/14 at 384, as Hugging Face's SiglipVisionModel computes it.
struct SiglipParams {
  enum class Act { gelu, gelu_tanh };

  int64_t image_size = 384;
  int64_t patch_size = 14;
  int64_t hidden_size = 1152;
  int64_t num_layers = 27;
  int64_t num_heads = 16;
  int64_t intermediate_size = 4304;
  Act activation = Act::gelu_tanh;
  double layer_norm_eps = 1e-6;
  bool final_norm = true;
  std::optional<int64_t> position_image_size;
  PositionGrid::Interpolation position_interpolation = PositionGrid::Interpolation::bicubic;
  double drop_path_rate = 0;

  void visit(ParamVisitor& v) {
    v("image_size", image_size,
      "height and width of the pictures, pixels; pixels beyond the last whole patch are ignored",
      between(1, kMostOfASize));
    v("patch_size", patch_size, "height and width of a patch, pixels", between(1, kMostOfASize));
    v("hidden_size", hidden_size, "width of the tokens", between(1, kMostOfASize));
    v("num_layers", num_layers, "transformer blocks", between(0, 10000));
    v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
    v("intermediate_size", intermediate_size, "inner width of the feed-forward", between(1, kMostOfASize));
    v("activation", activation, "activation of the feed-forward; all published weights need gelu_tanh",
      choices("gelu", "gelu_tanh"));
    v("layer_norm_eps", layer_norm_eps, "added to the variance in every norm", more_than(0));
    v("final_norm", final_norm, "whether there is a norm after the last block");
    v("position_image_size", position_image_size,
      "image_size of the checkpoint's position embeddings; null: image_size", between(1, kMostOfASize));
    v("position_interpolation", position_interpolation,
      "how position embeddings of another image_size are resized; buckets: each patch takes the embedding at "
      "its relative place, and pictures may have a patch mask (Idefics3, SmolVLM)",
      choices("bicubic", "antialiased", "buckets"));
    v("drop_path_rate", drop_path_rate,
      "stochastic depth in training: the probability that a branch of the last block is left out; it "
      "rises from 0 in the first block by equal steps",
      between(0, 1));
  }
};

namespace {

int64_t side_of(const char* name, int64_t image_size, int64_t patch_size) {
  if (image_size < patch_size)
    throw Error(cat(name, " ", image_size, " is smaller than one patch, patch_size ", patch_size));
  return image_size / patch_size;
}

std::vector<NameRule> huggingface_rules(const std::string& final_norm) {
  std::vector<NameRule> rules = {
      {"embeddings.position_embedding.weight", "position_embedding"},
      {"embeddings.position_ids", ""},
      {"head.*", ""},
  };
  rename_layer(rules, "embeddings.patch_embedding", "patch_embedding");
  rename_vit_layers(rules, clip_layer_names());
  rename_layer(rules, "post_layernorm", final_norm);
  return rules;
}

std::vector<NameRule> timm_rules(const std::string& final_norm) {
  std::vector<NameRule> rules = {
      {"pos_embed", "position_embedding"}, {"attn_pool.*", ""}, {"fc_norm.*", ""}, {"head.*", ""}};
  rename_layer(rules, "patch_embed.proj", "patch_embedding");
  rename_vit_layers(rules, timm_layer_names());
  rename_layer(rules, "norm", final_norm);
  return rules;
}

}  // namespace

/// pixels [N,3,S,S] → tokens [N,P,D], P = ⌊S / patch⌋². No token attends to padding patches; a picture that
/// has no other patches gives finite tokens without meaning.
class Siglip final : public VisionBackbone {
 public:
  Siglip(const SiglipParams& p, const Input&, WeightScope& weights)
      : takes_patch_mask_(p.position_interpolation == PositionGrid::Interpolation::buckets),
        image_size_(p.image_size),
        width_(p.hidden_size),
        side_(side_of("image_size", p.image_size, p.patch_size)),
        patch_embedding_(weights, "patch_embedding", width_, p.patch_size, /*bias=*/true),
        positions_(
            weights, "position_embedding",
            {width_, 0,
             side_of("position_image_size", p.position_image_size.value_or(p.image_size), p.patch_size),
             side_, p.position_interpolation}),
        encoder_(weights, {p.num_layers, width_, p.num_heads, p.intermediate_size,
                           p.activation == SiglipParams::Act::gelu ? Activation::gelu : Activation::gelu_tanh,
                           p.layer_norm_eps, false, false, p.drop_path_rate}) {
    if (p.final_norm) final_norm_.emplace(weights, "final_norm", width_, p.layer_norm_eps);
    const std::string final_norm = p.final_norm ? "final_norm" : "";
    tables_ = {{"huggingface", huggingface_rules(final_norm)}, {"timm", timm_rules(final_norm)}};
  }

  int64_t image_size() const override { return image_size_; }
  FeatureShape shape() const override { return {width_, side_, side_, 0}; }
  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

  Features forward(const at::Tensor& pixels) const override {
    check_pixels(pixels, image_size_, "siglip");
    return features(encoder_(patch_embedding_(pixels) + positions_()));
  }

  Features encode(const VisionInput& in) const override {
    if (!takes_patch_mask_ || !in.patch_mask.defined() || in.tile_mask.defined() ||
        in.aspect_ratio_ids.defined()) {
      return VisionBackbone::encode(in);
    }
    check_pixels(in.pixels, image_size_, "siglip");
    const std::vector<int64_t> expected = {in.pixels.size(0), side_, side_};
    if (in.patch_mask.sizes() != at::IntArrayRef(expected) || in.patch_mask.scalar_type() != at::kBool) {
      throw Error(cat("siglip takes a patch mask bool ", at::IntArrayRef(expected), ", found ",
                      in.patch_mask.scalar_type(), " ", in.patch_mask.sizes()));
    }
    return features(
        encoder_(patch_embedding_(in.pixels) + positions_(in.patch_mask), in.patch_mask.flatten(1)));
  }

 private:
  Features features(const at::Tensor& x) const {
    return {final_norm_ ? (*final_norm_)(x) : x, side_, side_, 0};
  }

  bool takes_patch_mask_;
  int64_t image_size_, width_, side_;
  PatchEmbedding patch_embedding_;
  PositionGrid positions_;
  VitEncoder encoder_;
  std::optional<LayerNorm> final_norm_;
  std::vector<NamingTable> tables_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::Siglip, flam::SiglipParams>("siglip",
                                                  "SigLIP's vision transformer: patch tokens of a picture");
}
