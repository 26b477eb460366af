// LLaMA (Touvron et al. 2023) as in Hugging Face transformers: RMSNorm, rotary positions, SwiGLU,
// grouped-query attention. The options cover Llama 2 and 3, Mistral without a sliding window, SmolLM2 and
// Qwen2. Weights have the same names as there.
#include "plugins/language_decoder/llama/llama.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>

#include <array>
#include <limits>

namespace flam {

class Llama final : public LanguageDecoder {
 public:
  Llama(const LlamaParams& params, const DecoderInput& in, WeightScope& weights)
      : params_(params),
        kv_heads_(params.key_value_heads()),
        head_dim_(params.head_width()),
        rope_scaling_(params.rope_scaling.scaling()),
        tables_(llama_naming_tables(params)) {
    params.check(in.added_tokens);
    const int64_t width = params.hidden_size, rows = params.vocab_size + in.added_tokens;
    const WeightScope model = weights / "model";
    embed_tokens_ = (model / "embed_tokens").vocabulary("weight", {rows, width}, Init::normal(0.02));
    for (int64_t i = 0; i < params.num_layers; ++i) layers_.push_back(make_layer(model / "layers" / i));
    norm_ = RMSNorm(model, "norm", width, params.rms_norm_eps);
    const WeightScope head = weights / "lm_head";
    const int64_t output_rows = params.output_vocab_size.value_or(rows);
    unwritable_tokens_ = rows - output_rows;
    // Rows that no file has are zero, because the score of an end token with a random row would be random.
    lm_head_ = Linear(params.tie_word_embeddings ? head.tie("weight", embed_tokens_)
                                                 : head.vocabulary("weight", {output_rows, width},
                                                                   Init::normal(0.02), Init::zeros()));
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
    if (!step.rotary) {
      const RotaryTable table = rotary_table(step.positions, head_dim_, params_.rope_theta, rope_scaling_);
      step.rotary = {table.cos.to(hidden.scalar_type()), table.sin.to(hidden.scalar_type())};
    }
    at::Tensor x = hidden;
    for (int64_t i = first; i < last; ++i) {
      const Layer& layer = layers_.at(i);
      const bool own = i > first && !step.probe;  // nobody else holds x
      x = add_product(x, layer.o_proj, attention(i, layer.input_layernorm(x), step), own);
      x = add_product(x, layer.down_proj, feed_forward(layer, layer.post_attention_layernorm(x)), true);
      if (step.probe) step.probe->record("hidden_layer", i, x);
    }
    return x;
  }

  at::Tensor head(const at::Tensor& hidden, Probe* probe) const override {
    const at::Tensor normed = norm_(hidden);
    if (probe) probe->record("final_norm", -1, normed);
    const at::Tensor logits = lm_head_(normed);
    if (unwritable_tokens_ == 0) return logits;
    return at::constant_pad_nd(logits.narrow(-1, 0, lm_head_.out_features()),
                               std::array<int64_t, 2>{0, unwritable_tokens_},
                               -std::numeric_limits<double>::infinity());
  }

 private:
  struct Layer {
    RMSNorm input_layernorm, post_attention_layernorm;
    StackedLinear qkv, gate_up;
    Linear o_proj, down_proj;
  };

  Layer make_layer(const WeightScope& scope) const {
    const int64_t width = params_.hidden_size, query_width = params_.num_heads * head_dim_,
                  kv_width = kv_heads_ * head_dim_, inner = params_.intermediate_size;
    using Bias = LlamaParams::AttentionBias;
    const LinearOptions qkv{.bias = params_.attention_bias != Bias::none};
    const LinearOptions output{.bias = params_.attention_bias == Bias::all};
    const LinearOptions mlp_bias{.bias = params_.mlp_bias};
    const WeightScope attn = scope / "self_attn", mlp = scope / "mlp";
    Layer layer;
    layer.input_layernorm = RMSNorm(scope, "input_layernorm", width, params_.rms_norm_eps);
    layer.post_attention_layernorm = RMSNorm(scope, "post_attention_layernorm", width, params_.rms_norm_eps);
    layer.qkv = StackedLinear(attn, width,
                              {{"q_proj", query_width}, {"k_proj", kv_width}, {"v_proj", kv_width}}, qkv);
    layer.o_proj = Linear(attn, "o_proj", query_width, width, output);
    layer.gate_up = StackedLinear(mlp, width, {{"gate_proj", inner}, {"up_proj", inner}}, mlp_bias);
    layer.down_proj = Linear(mlp, "down_proj", inner, width, mlp_bias);
    return layer;
  }

  /// Before the output projection.
  at::Tensor attention(int64_t index, const at::Tensor& x, const DecodeStep& step) const {
    const std::vector<at::Tensor> qkv = layers_[index].qkv(x);
    const auto [q, k] =
        apply_rotary(split_heads(qkv[0], params_.num_heads), split_heads(qkv[1], kv_heads_), *step.rotary);
    const at::Tensor v = split_heads(qkv[2], kv_heads_);
    at::Tensor seen;
    if (step.cache && step.cache->in_tail()) {
      seen = attend_cached(q, step.cache->append(index, k, v), *step.cache);
    } else {
      if (step.cache) step.cache->append(index, k, v);
      seen = attend(q, k, v, step.mask);
    }
    return merge_heads(seen);
  }

  /// Before the down projection.
  static at::Tensor feed_forward(const Layer& layer, const at::Tensor& x) {
    const std::vector<at::Tensor> gate_up = layer.gate_up(x);
    return silu_product(gate_up[0], gate_up[1]);
  }

  LlamaParams params_;
  int64_t kv_heads_, head_dim_, unwritable_tokens_ = 0;  // unwritable: without a row in the output matrix
  RopeScaling rope_scaling_;
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
