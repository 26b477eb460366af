// The image side of BLIP-2's querying transformer (Li et al. 2023, section 3.1): learned queries go through a
// BERT that attends to the patches in every n-th layer. Computed as in Hugging Face's Blip2QFormerModel,
// including the projection after it.
#include <ATen/TensorOperators.h>

#include "framework/sdk.h"

namespace flam {

struct QFormerParams {
  int64_t num_latents = 32;
  int64_t hidden_size = 768;
  int64_t num_layers = 12;
  int64_t num_heads = 12;
  int64_t intermediate_size = 3072;
  int64_t cross_attention_frequency = 2;
  Activation activation = Activation::gelu;
  double layer_norm_eps = 1e-12;
  bool drop_prefix = false;
  bool projection = true;

  void visit(ParamVisitor& v) {
    v("num_latents", num_latents, "learned queries, which are the media tokens of an image",
      between(1, kMostOfASize));
    v("hidden_size", hidden_size, "width of the queries", between(1, kMostOfASize));
    v("num_layers", num_layers, "number of layers", between(1, 10000));
    v("num_heads", num_heads, "attention heads; must divide hidden_size", between(1, kMostOfASize));
    v("intermediate_size", intermediate_size, "inner width of the feed-forward", between(1, kMostOfASize));
    v("cross_attention_frequency", cross_attention_frequency,
      "layers 0, n, 2n, … attend to the patches; the other layers attend only to the queries",
      between(1, 10000));
    v("activation", activation, "activation of the feed-forward",
      choices("gelu", "quick_gelu", "relu", "silu"));
    v("layer_norm_eps", layer_norm_eps, "added to the variance in every norm", more_than(0));
    v("drop_prefix", drop_prefix, "true: queries do not attend to prefix tokens (class, registers)");
    v("projection", projection,
      "a final matrix to the media width (BLIP-2's language_projection); without it, media tokens have "
      "hidden_size");
  }
};

/// features [B,T,F,P,D] → media tokens [B,T,num_latents,D'], D' the requested media width. Post-norm. Queries
/// attend to the tokens of all frames together and without an order, because BLIP-2 has no time embedding.
class QFormer final : public Resampler {
 public:
  QFormer(const QFormerParams& params, const ResamplerInput& in, WeightScope& weights);

  MediaShape shape() const override {
    return {queries_.shape()[0], params_.projection ? proj_.out_features() : params_.hidden_size};
  }
  at::Tensor forward(const Features& features) const override;
  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  struct Layer {
    Linear qkv, out, cross_q, cross_kv, cross_out, up, down;
    LayerNorm norm, cross_norm, mlp_norm;
    bool cross = false;
  };
  at::Tensor attended(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const;
  at::Tensor run(const Layer& layer, at::Tensor x, const at::Tensor& media) const;

  QFormerParams params_;
  Weight queries_;
  LayerNorm norm_;
  std::vector<Layer> layers_;
  Linear proj_;
  std::vector<NamingTable> tables_;
};

namespace {

/// Adds rules for FROM.weight and FROM.bias.
void add_both(NamingTable& table, const std::string& from, const std::string& to, int part = -1) {
  for (const char* leaf : {".weight", ".bias"})
    table.rules.push_back({from + leaf, to.empty() ? "" : to + leaf, part});
}

/// `layer`: the file's name for layer {}; `self`: its attention's inner module; `projection`: the last
/// matrix. Tensors of the text side (retrieval, BLIP-2's first stage) are known and skipped.
NamingTable naming_table(const std::string& name, const std::string& layer, const std::string& self,
                         const std::string& norm, const std::vector<std::string>& projections) {
  NamingTable table{name, {{"query_tokens", "query_tokens"}}};
  add_both(table, norm, "norm");
  for (const char* kind : {"attention", "crossattention"}) {
    const bool cross = kind[0] == 'c';
    const std::string from = layer + kind, to = cross ? "layers.{}.cross_attn" : "layers.{}.attn";
    add_both(table, cat(from, ".", self, ".query"), cross ? to + ".q" : to + ".qkv", cross ? -1 : 0);
    add_both(table, cat(from, ".", self, ".key"), cross ? to + ".kv" : to + ".qkv", cross ? 0 : 1);
    add_both(table, cat(from, ".", self, ".value"), cross ? to + ".kv" : to + ".qkv", cross ? 1 : 2);
    add_both(table, from + ".output.dense", to + ".out");
    add_both(table, from + ".output.LayerNorm", to + ".norm");
  }
  add_both(table, layer + "intermediate_query.dense", "layers.{}.mlp.up");
  add_both(table, layer + "output_query.dense", "layers.{}.mlp.down");
  add_both(table, layer + "output_query.LayerNorm", "layers.{}.mlp.norm");
  for (const char* text : {"intermediate.dense", "output.dense", "output.LayerNorm"})
    add_both(table, layer + text, "");
  for (const std::string& projection : projections) add_both(table, projection, "proj");
  return table;
}

}  // namespace

QFormer::QFormer(const QFormerParams& params, const ResamplerInput& in, WeightScope& weights)
    : params_(params),
      queries_(weights.tensor("query_tokens", {params.num_latents, params.hidden_size}, Init::normal(0.02))),
      norm_(weights, "norm", params.hidden_size, params.layer_norm_eps) {
  const int64_t width = params.hidden_size;
  if (width % params.num_heads != 0) {
    throw Error(cat("hidden_size ", width, " is not a multiple of num_heads ", params.num_heads));
  }
  for (int64_t i = 0; i < params.num_layers; ++i) {
    const WeightScope scope = weights / "layers" / i;
    Layer& layer = layers_.emplace_back();
    layer.qkv = Linear::fused(scope / "attn", "qkv", width, {width, width, width});
    layer.out = Linear(scope / "attn", "out", width, width);
    layer.norm = LayerNorm(scope / "attn", "norm", width, params.layer_norm_eps);
    layer.cross = i % params.cross_attention_frequency == 0;
    if (layer.cross) {
      const WeightScope cross = scope / "cross_attn";
      layer.cross_q = Linear(cross, "q", width, width);
      layer.cross_kv = Linear::fused(cross, "kv", in.features.width, {width, width});
      layer.cross_out = Linear(cross, "out", width, width);
      layer.cross_norm = LayerNorm(cross, "norm", width, params.layer_norm_eps);
    }
    layer.up = Linear(scope / "mlp", "up", width, params.intermediate_size);
    layer.down = Linear(scope / "mlp", "down", params.intermediate_size, width);
    layer.mlp_norm = LayerNorm(scope / "mlp", "norm", width, params.layer_norm_eps);
  }
  if (params.projection) proj_ = Linear(weights, "proj", width, in.media_width);

  tables_ = {naming_table("huggingface", "qformer.encoder.layer.{}.", "attention", "qformer.layernorm",
                          {"language_projection"}),
             naming_table("lavis", "Qformer.bert.encoder.layer.{}.", "self",
                          "Qformer.bert.embeddings.LayerNorm", {"opt_proj", "t5_proj"})};
}

at::Tensor QFormer::forward(const Features& features) const {
  const int64_t batch = features.tokens.size(0), images = features.tokens.size(1);
  const int64_t dropped = params_.drop_prefix ? features.prefix_tokens : 0;
  const at::Tensor media =
      features.tokens.narrow(3, dropped, features.tokens.size(3) - dropped).flatten(2, 3).flatten(0, 1);
  at::Tensor x = norm_(queries_.tensor()).expand({batch * images, -1, -1});
  for (const Layer& layer : layers_) x = run(layer, x, media);
  return (params_.projection ? proj_(x) : x).unflatten(0, {batch, images});
}

at::Tensor QFormer::run(const Layer& layer, at::Tensor x, const at::Tensor& media) const {
  const auto qkv = layer.qkv(x).chunk(3, -1);
  x = layer.norm(add_residual(x, layer.out(attended(qkv[0], qkv[1], qkv[2]))));
  if (layer.cross) {
    const auto kv = layer.cross_kv(media).chunk(2, -1);
    x = layer.cross_norm(add_residual(x, layer.cross_out(attended(layer.cross_q(x), kv[0], kv[1]))));
  }
  return layer.mlp_norm(add_residual(x, layer.down(activate(layer.up(x), params_.activation))));
}

at::Tensor QFormer::attended(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
  const int64_t heads = params_.num_heads;
  return merge_heads(attend(split_heads(q, heads), split_heads(k, heads), split_heads(v, heads), {}));
}

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::QFormer, flam::QFormerParams>(
      "q_former", "learned queries of BLIP-2 that attend to the patches of an image or of all frames");
}
