// language_decoder `my_component`: a minimal transformer with RMSNorm and rotary positions.
#include <ATen/TensorOperators.h>

#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  int64_t vocab_size = 32000;
  int64_t hidden_size = 512;
  int64_t num_layers = 8;
  int64_t num_heads = 8;
  int64_t max_position_embeddings = 2048;

  void visit(ParamVisitor& v) {
    v("vocab_size", vocab_size, "size of the vocabulary, without added tokens", between(1, kMostOfASize));
    v("hidden_size", hidden_size, "width of the hidden states", between(1, kMostOfASize));
    v("num_layers", num_layers, "transformer blocks", between(1, 10000));
    v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
    v("max_position_embeddings", max_position_embeddings, "context length, tokens", between(1, kMostOfASize));
  }
};

/// ids [R,L] → hidden [R,L,D] → logits [R,L,vocab_size + added].
class MyComponent final : public LanguageDecoder {
 public:
  MyComponent(const MyComponentParams& params, const DecoderInput& in, WeightScope& weights)
      : params_(params), head_dim_(params.hidden_size / params.num_heads) {
    if (params.hidden_size % params.num_heads != 0 || head_dim_ % 2 != 0) {
      throw Error(cat("hidden_size ", params.hidden_size, " must be an even multiple of num_heads ",
                      params.num_heads));
    }
    const int64_t width = params.hidden_size, rows = params.vocab_size + in.added_tokens;
    embed_ = (weights / "embed").vocabulary("weight", {rows, width}, Init::normal(0.02));
    for (int64_t i = 0; i < params.num_layers; ++i) {
      const WeightScope layer = weights / "layers" / i;
      layers_.push_back({RMSNorm(layer, "attn_norm", width, kEps), RMSNorm(layer, "mlp_norm", width, kEps),
                         Linear(layer, "qkv", width, 3 * width, {.bias = false}),
                         Linear(layer, "proj", width, width, {.bias = false}),
                         Linear(layer, "up", width, 4 * width), Linear(layer, "down", 4 * width, width)});
    }
    norm_ = RMSNorm(weights, "norm", width, kEps);
    head_ = Linear((weights / "head").tie("weight", embed_));
  }

  int64_t hidden_size() const override { return params_.hidden_size; }
  int64_t num_layers() const override { return params_.num_layers; }
  int64_t vocab_size() const override { return params_.vocab_size; }
  int64_t max_positions() const override { return params_.max_position_embeddings; }
  CacheLayout cache_layout() const override { return {params_.num_layers, params_.num_heads, head_dim_}; }

  at::Tensor embed(const at::Tensor& ids) const override { return look_up(embed_, ids); }

  at::Tensor run(int64_t first, int64_t last, const at::Tensor& hidden,
                 const DecodeStep& step) const override {
    RotaryTable rotary = rotary_table(step.positions, head_dim_, 10000);
    rotary = {rotary.cos.to(hidden.scalar_type()), rotary.sin.to(hidden.scalar_type())};
    at::Tensor x = hidden;
    for (int64_t i = first; i < last; ++i) {
      const Layer& layer = layers_.at(i);
      x = x + layer.proj(attention(i, layer.qkv(layer.attn_norm(x)), rotary, step));
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
  static constexpr double kEps = 1e-6;
  struct Layer {
    RMSNorm attn_norm, mlp_norm;
    Linear qkv, proj, up, down;
  };

  /// Attends through the cache if there is one. A prompt uses the mask; a generated token sees all before it.
  at::Tensor attention(int64_t index, const at::Tensor& qkv, const RotaryTable& rotary,
                       const DecodeStep& step) const {
    const auto parts = qkv.chunk(3, -1);
    const at::Tensor q = apply_rotary(split_heads(parts[0], params_.num_heads), rotary);
    const at::Tensor k = apply_rotary(split_heads(parts[1], params_.num_heads), rotary);
    const at::Tensor v = split_heads(parts[2], params_.num_heads);
    if (step.cache && step.cache->in_tail())
      return merge_heads(attend_cached(q, step.cache->append(index, k, v), *step.cache));
    if (step.cache) step.cache->append(index, k, v);
    return merge_heads(attend(q, k, v, step.mask));
  }

  MyComponentParams params_;
  int64_t head_dim_;
  Weight embed_;
  std::vector<Layer> layers_;
  RMSNorm norm_;
  Linear head_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "a small transformer with rotary positions");
}

}  // namespace flam
