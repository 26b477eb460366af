// Flamingo's resampler (Alayrac et al. 2022, section 3.1.1): a fixed number of latents attends to the patches
// of an image, or of all frames of a video. Weights have the same names as in OpenFlamingo.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "framework/sdk.h"

namespace flam {

struct PerceiverParams {
  int64_t depth = 6;
  int64_t num_latents = 64;
  int64_t num_heads = 8;
  int64_t dim_head = 64;
  int64_t ff_mult = 4;
  std::optional<int64_t> max_num_media;
  std::optional<int64_t> max_num_frames;

  void visit(ParamVisitor& v) {
    v("depth", depth, "number of layers of attention and feed-forward", between(0, 10000));
    v("num_latents", num_latents, "media tokens per image", between(1, kMostOfASize));
    v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
    v("dim_head", dim_head, "width of a head", between(1, kMostOfASize));
    v("ff_mult", ff_mult, "inner width of the feed-forward as a multiple of its outer width",
      between(1, 1024));
    v("max_num_media", max_num_media, "number of images with media-time embeddings; null: no such embeddings",
      between(1, kMostOfASize));
    v("max_num_frames", max_num_frames, "number of frames with frame embeddings; null: no such embeddings",
      between(1, kMostOfASize));
  }
};

/// features [B,T,F,P,D] → media tokens [B,T,num_latents,D]. Each layer: latents += attention of
/// norm_latents(latents) on norm_media(x) and themselves; latents += feed-forward.
class Perceiver final : public Resampler {
 public:
  Perceiver(const PerceiverParams& params, const ResamplerInput& in, WeightScope& weights)
      : width_(in.features.width),
        latents_(weights.tensor("latents", {params.num_latents, width_}, Init::normal(1))),
        norm_(weights, "norm", width_) {
    if (params.max_num_frames) {
      frame_embs_ = weights.tensor("frame_embs", {*params.max_num_frames, width_}, Init::normal(1));
    }
    if (params.max_num_media) {
      media_time_embs_ =
          weights.tensor("media_time_embs", {*params.max_num_media, 1, width_}, Init::normal(1));
    }
    for (int64_t i = 0; i < params.depth; ++i) {
      const WeightScope layer = weights / "layers" / i;
      layers_.push_back({LayerNorm(layer / 0, "norm_media", width_),
                         LayerNorm(layer / 0, "norm_latents", width_),
                         LatentAttention(layer / 0, width_, width_, params.num_heads, params.dim_head),
                         LatentFeedForward(layer / 1, width_, params.ff_mult)});
    }
  }

  MediaShape shape() const override { return {latents_.shape()[0], width_}; }

  at::Tensor forward(const Features& features) const override {
    const int64_t batch = features.tokens.size(0), images = features.tokens.size(1);
    const at::Tensor x = with_embeddings(features.tokens).flatten(0, 1);
    at::Tensor latents = latents_.tensor().expand({batch * images, -1, -1});
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Layer& layer = layers_[i];
      const at::Tensor queries = layer.norm_latents(latents);
      const auto kv = layer.attention.keys_and_values(at::cat({layer.norm_media(x), queries}, 1));
      if (features.probe && features.probe->wants_attention()) {
        features.probe->record("resampler_attention", static_cast<int64_t>(i),
                               layer.attention.weights(queries, kv));
      }
      latents = add_residual(latents, layer.attention(queries, kv));
      latents = add_residual(latents, layer.feed_forward(latents));
    }
    return norm_(latents).unflatten(0, {batch, images});
  }

 private:
  struct Layer {
    LayerNorm norm_media, norm_latents;
    LatentAttention attention;
    LatentFeedForward feed_forward;
  };

  /// [B,T,F,P,D] → [B,T,F·P,D], plus the embeddings of frame and media time, if any.
  at::Tensor with_embeddings(at::Tensor x) const {
    if (frame_embs_) x = x + rows(frame_embs_, x.size(2), "frames", "max_num_frames").unsqueeze(1);
    x = x.flatten(2, 3);
    if (media_time_embs_) x = x + rows(media_time_embs_, x.size(1), "images", "max_num_media");
    return x;
  }

  static at::Tensor rows(const Weight& embeddings, int64_t count, const char* what, const char* parameter) {
    if (count > embeddings.shape()[0]) {
      throw Error(cat(count, " ", what, " were given, but resampler 'perceiver' has embeddings for ",
                      embeddings.shape()[0], " (", parameter, ")"));
    }
    return embeddings.tensor().narrow(0, 0, count);
  }

  int64_t width_;
  Weight latents_, frame_embs_, media_time_embs_;
  std::vector<Layer> layers_;
  LayerNorm norm_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::Perceiver, flam::PerceiverParams>("perceiver",
                                                        "latents that attend to the patches of an image");
}
