// language_decoder `pocket_gpt`: GPT-2's transformer (Radford et al. 2019, section 2.3): learned positions,
// norms before attention and feed-forward, the output matrix tied to the embedding.
#include <ATen/TensorOperators.h>

#include "framework/sdk.h"

namespace flam {
namespace {

struct PocketGptParams {
  int64_t vocab_size = 50257;
  int64_t hidden_size = 768;
  int64_t num_layers = 12;
  int64_t num_heads = 12;
  int64_t max_position_embeddings = 1024;
  double layer_norm_eps = 1e-5;

  void visit(ParamVisitor& v) {
    v("vocab_size", vocab_size, "tokens, without the added ones", between(1, kMostOfASize));
    v("hidden_size", hidden_size, "width of the hidden states", between(1, kMostOfASize));
    v("num_layers", num_layers, "transformer blocks", between(1, 10000));
    v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
    v("max_position_embeddings", max_position_embeddings, "context length, tokens", between(1, kMostOfASize));
    v("layer_norm_eps", layer_norm_eps, "added to the variance in every norm", more_than(0));
  }
};

/// Names of published files → our own.
std::vector<NamingTable> naming_tables_of_pocket_gpt() {
  NamingTable own{"nanogpt",
                  {{"transformer.wte.weight", "embed.weight"},
                   {"transformer.wpe.weight", "position.weight"},
                   {"lm_head.weight", "head.weight"}}};
  const auto both = [&](const std::string& from, const std::string& to) {
    for (const char* leaf : {".weight", ".bias"}) own.rules.push_back({from + leaf, to + leaf});
  };
  both("transformer.h.{}.ln_1", "layers.{}.attn_norm");
  both("transformer.h.{}.attn.c_attn", "layers.{}.qkv");
  both("transformer.h.{}.attn.c_proj", "layers.{}.proj");
  both("transformer.h.{}.ln_2", "layers.{}.mlp_norm");
  both("transformer.h.{}.mlp.c_fc", "layers.{}.up");
  both("transformer.h.{}.mlp.c_proj", "layers.{}.down");
  both("transformer.ln_f", "norm");
  return {own};
}

/// ids [R,L] → hidden [R,L,D] → logits [R,L,vocab_size + added].
class PocketGpt final : public LanguageDecoder {
 public:
  PocketGpt(const PocketGptParams& params, const DecoderInput& in, WeightScope& weights)
      : params_(params),
        head_dim_(params.hidden_size / params.num_heads),
        tables_(naming_tables_of_pocket_gpt()) {
    if (params.hidden_size % params.num_heads != 0) {
      throw Error(cat("hidden_size ", params.hidden_size, " is no multiple of num_heads ", params.num_heads));
    }
    const int64_t width = params.hidden_size, rows = params.vocab_size + in.added_tokens;
    embed_ = (weights / "embed").vocabulary("weight", {rows, width}, Init::normal(0.02));
    position_ =
        (weights / "position").tensor("weight", {params.max_position_embeddings, width}, Init::normal(0.02));
    for (int64_t i = 0; i < params.num_layers; ++i) {
      const WeightScope layer = weights / "layers" / i;
      layers_.push_back({LayerNorm(layer, "attn_norm", width, params.layer_norm_eps),
                         LayerNorm(layer, "mlp_norm", width, params.layer_norm_eps),
                         Linear(layer, "qkv", width, 3 * width), Linear(layer, "proj", width, width),
                         Linear(layer, "up", width, 4 * width), Linear(layer, "down", 4 * width, width)});
    }
    norm_ = LayerNorm(weights, "norm", width, params.layer_norm_eps);
    head_ = Linear((weights / "head").tie("weight", embed_));
  }

  int64_t hidden_size() const override { return params_.hidden_size; }
  int64_t num_layers() const override { return params_.num_layers; }
  int64_t vocab_size() const override { return params_.vocab_size; }
  int64_t max_positions() const override { return params_.max_position_embeddings; }
  CacheLayout cache_layout() const override { return {params_.num_layers, params_.num_heads, head_dim_}; }
  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

  at::Tensor embed(const at::Tensor& ids) const override { return look_up(embed_, ids); }

  /// Positions are added before the first layer: embed() doesn't know them.
  at::Tensor run(int64_t first, int64_t last, const at::Tensor& hidden,
                 const DecodeStep& step) const override {
    at::Tensor x = first == 0 && last > 0 ? hidden + look_up(position_, step.positions) : hidden;
    for (int64_t i = first; i < last; ++i) {
      const Layer& layer = layers_.at(i);
      x = x + layer.proj(attention(i, layer.qkv(layer.attn_norm(x)), step));
      x = x + layer.down(activate(layer.up(layer.mlp_norm(x)), Activation::gelu));
      if (step.probe) step.probe->record("hidden_layer", i, x);
    }
    return x;
  }

  at::Tensor head(const at::Tensor& hidden, Probe* probe) const override {
    const at::Tensor normed = norm_(hidden);
    if (probe) probe->record("final_norm", -1, normed);
    return head_(normed);
  }

 private:
  struct Layer {
    LayerNorm attn_norm, mlp_norm;
    Linear qkv, proj, up, down;
  };

  /// qkv [R,L,3·D] → [R,L,D].
  at::Tensor attention(int64_t index, const at::Tensor& qkv, const DecodeStep& step) const {
    const auto parts = qkv.chunk(3, -1);
    const at::Tensor q = split_heads(parts[0], params_.num_heads);
    const at::Tensor k = split_heads(parts[1], params_.num_heads);
    const at::Tensor v = split_heads(parts[2], params_.num_heads);
    if (step.cache && step.cache->in_tail())  // what is before these tokens is in the cache
      return merge_heads(attend_cached(q, step.cache->append(index, k, v), *step.cache));
    if (step.cache) step.cache->append(index, k, v);  // a prompt: fill the cache for the tokens to come
    return merge_heads(attend(q, k, v, step.mask));
  }

  PocketGptParams params_;
  int64_t head_dim_;
  Weight embed_, position_;
  std::vector<Layer> layers_;
  LayerNorm norm_;
  Linear head_;
  std::vector<NamingTable> tables_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<PocketGpt, PocketGptParams>("pocket_gpt", "GPT-2's transformer, sized to fit a pocket");
}

}  // namespace flam
