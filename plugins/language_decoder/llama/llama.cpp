// LLaMA (Touvron et al. 2023) as in Hugging Face transformers 4.31: RMSNorm, rotary positions, SwiGLU,
// grouped-query attention. Weights have the same names as there.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/silu.h>

#include "framework/sdk.h"

namespace flam {

struct LlamaParams {
  int64_t vocab_size = 32000;
  int64_t hidden_size = 4096;
  int64_t num_layers = 32;
  int64_t num_heads = 32;
  std::optional<int64_t> num_key_value_heads;
  int64_t intermediate_size = 11008;
  int64_t max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  bool tie_word_embeddings = false;

  void visit(ParamVisitor& v) {
    v("vocab_size", vocab_size, "size of the vocabulary, without the tokenizer's added tokens",
      between(1, kMostOfASize));
    v("hidden_size", hidden_size, "width of the hidden states", between(1, kMostOfASize));
    v("num_layers", num_layers, "decoder layers", between(1, 10000));
    v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
    v("num_key_value_heads", num_key_value_heads, "number of key and value heads; null: as many as num_heads",
      between(1, kMostOfASize));
    v("intermediate_size", intermediate_size, "inner width of the feed-forward", between(1, kMostOfASize));
    v("max_position_embeddings", max_position_embeddings, "context length, tokens", between(1, kMostOfASize));
    v("rms_norm_eps", rms_norm_eps, "added to the mean square in every norm", more_than(0));
    v("rope_theta", rope_theta, "base of the rotary position frequencies", more_than(0));
    v("tie_word_embeddings", tie_word_embeddings, "whether the output matrix is the input embedding");
  }
};

namespace {

constexpr LinearOptions kNoBias{.bias = false};

std::vector<NamingTable> llama_naming_tables() {
  NamingTable table{"huggingface", {}};
  for (const char* name :
       {"model.embed_tokens.weight", "model.layers.{}.input_layernorm.weight",
        "model.layers.{}.self_attn.q_proj.weight", "model.layers.{}.self_attn.k_proj.weight",
        "model.layers.{}.self_attn.v_proj.weight", "model.layers.{}.self_attn.o_proj.weight",
        "model.layers.{}.post_attention_layernorm.weight", "model.layers.{}.mlp.gate_proj.weight",
        "model.layers.{}.mlp.up_proj.weight", "model.layers.{}.mlp.down_proj.weight", "model.norm.weight",
        "lm_head.weight"}) {
    table.rules.push_back({name, name});
  }
  table.rules.push_back({"model.layers.{}.self_attn.rotary_emb.inv_freq", ""});
  return {table};
}

}  // namespace

class Llama final : public LanguageDecoder {
 public:
  Llama(const LlamaParams& params, const DecoderInput& in, WeightScope& weights)
      : params_(params),
        kv_heads_(params.num_key_value_heads.value_or(params.num_heads)),
        head_dim_(params.hidden_size / params.num_heads),
        tables_(llama_naming_tables()) {
    check_heads();
    const int64_t width = params.hidden_size, rows = params.vocab_size + in.added_tokens;
    const WeightScope model = weights / "model";
    embed_tokens_ = (model / "embed_tokens").vocabulary("weight", {rows, width}, Init::normal(0.02));
    for (int64_t i = 0; i < params.num_layers; ++i) layers_.push_back(make_layer(model / "layers" / i));
    norm_ = RMSNorm(model, "norm", width, params.rms_norm_eps);
    const WeightScope head = weights / "lm_head";
    // Rows that no file has are zero, because the score of an end token with a random row would be random.
    lm_head_ = Linear(params.tie_word_embeddings
                          ? head.tie("weight", embed_tokens_)
                          : head.vocabulary("weight", {rows, width}, Init::normal(0.02), Init::zeros()));
  }

  int64_t hidden_size() const override { return params_.hidden_size; }
  int64_t num_layers() const override { return params_.num_layers; }
  int64_t vocab_size() const override { return params_.vocab_size; }
  int64_t max_positions() const override { return params_.max_position_embeddings; }
  CacheLayout cache_layout() const override { return {params_.num_layers, kv_heads_, head_dim_}; }
  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

  at::Tensor embed(const at::Tensor& ids) const override { return look_up(embed_tokens_, ids); }

  at::Tensor run(int64_t first, int64_t last, const at::Tensor& hidden,
                 const DecodeStep& step) const override {
    RotaryTable rotary = rotary_table(step.positions, head_dim_, params_.rope_theta);
    rotary = {rotary.cos.to(hidden.scalar_type()), rotary.sin.to(hidden.scalar_type())};
    at::Tensor x = hidden;
    for (int64_t i = first; i < last; ++i) {
      const Layer& layer = layers_.at(i);
      x = add_residual(x, attention(i, layer.input_layernorm(x), rotary, step));
      x = add_residual(x, feed_forward(layer, layer.post_attention_layernorm(x)));
      if (step.probe) step.probe->record("hidden_layer", i, x);
    }
    return x;
  }

  at::Tensor head(const at::Tensor& hidden, Probe* probe) const override {
    const at::Tensor normed = norm_(hidden);
    if (probe) probe->record("final_norm", -1, normed);
    return lm_head_(normed);
  }

 private:
  struct Layer {
    RMSNorm input_layernorm, post_attention_layernorm;
    Linear q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;
  };

  void check_heads() const {
    if (params_.hidden_size % params_.num_heads != 0 || head_dim_ % 2 != 0) {
      throw Error(cat("hidden_size ", params_.hidden_size, " must be an even multiple of num_heads ",
                      params_.num_heads, "; change one of them"));
    }
    if (params_.num_heads % kv_heads_ != 0) {
      throw Error(cat("num_heads ", params_.num_heads, " is not a multiple of num_key_value_heads ",
                      kv_heads_, "; change one of them"));
    }
  }

  Layer make_layer(const WeightScope& scope) const {
    const int64_t width = params_.hidden_size, kv_width = kv_heads_ * head_dim_,
                  inner = params_.intermediate_size;
    const WeightScope attn = scope / "self_attn", mlp = scope / "mlp";
    return {RMSNorm(scope, "input_layernorm", width, params_.rms_norm_eps),
            RMSNorm(scope, "post_attention_layernorm", width, params_.rms_norm_eps),
            Linear(attn, "q_proj", width, width, kNoBias),
            Linear(attn, "k_proj", width, kv_width, kNoBias),
            Linear(attn, "v_proj", width, kv_width, kNoBias),
            Linear(attn, "o_proj", width, width, kNoBias),
            Linear(mlp, "gate_proj", width, inner, kNoBias),
            Linear(mlp, "up_proj", width, inner, kNoBias),
            Linear(mlp, "down_proj", inner, width, kNoBias)};
  }

  at::Tensor attention(int64_t index, const at::Tensor& x, const RotaryTable& rotary,
                       const DecodeStep& step) const {
    const Layer& layer = layers_[index];
    const at::Tensor q = apply_rotary(split_heads(layer.q_proj(x), params_.num_heads), rotary);
    const at::Tensor k = apply_rotary(split_heads(layer.k_proj(x), kv_heads_), rotary);
    const at::Tensor v = split_heads(layer.v_proj(x), kv_heads_);
    at::Tensor seen;
    if (step.cache && step.cache->in_tail()) {
      seen = attend_cached(q, step.cache->append(index, k, v), *step.cache);
    } else {
      if (step.cache) step.cache->append(index, k, v);
      seen = attend(q, k, v, step.mask);
    }
    return layer.o_proj(merge_heads(seen));
  }

  static at::Tensor feed_forward(const Layer& layer, const at::Tensor& x) {
    const at::Tensor gate = layer.gate_proj(x), up = layer.up_proj(x);
    if (at::GradMode::is_enabled()) return layer.down_proj(at::silu(gate) * up);
    return layer.down_proj(at::silu(gate).mul_(up));
  }

  LlamaParams params_;
  int64_t kv_heads_, head_dim_;
  Weight embed_tokens_;
  std::vector<Layer> layers_;
  RMSNorm norm_;
  Linear lm_head_;
  std::vector<NamingTable> tables_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::Llama, flam::LlamaParams>("llama", "LLaMA: RMSNorm, rotary positions, SwiGLU");
}
