#pragma once
#include "framework/sdk.h"

namespace flam {

/// `rope_scaling` of a Hugging Face config.json. Numbers that the type does not use must not be set.
struct RopeScalingParams {
  RopeScaling::Type rope_type = RopeScaling::Type::none;
  std::optional<double> factor, low_freq_factor, high_freq_factor;
  std::optional<int64_t> original_max_position_embeddings;

  void visit(ParamVisitor& v);
  /// Error: a number that the type needs is missing or does not fit, or one that it does not use is set.
  RopeScaling scaling() const;
};

/// Defaults: LLaMA-7B.
struct LlamaParams {
  enum class AttentionBias { none, qkv, all };

  int64_t vocab_size = 32000;
  std::optional<int64_t> output_vocab_size;
  int64_t hidden_size = 4096;
  int64_t num_layers = 32;
  int64_t num_heads = 32;
  std::optional<int64_t> num_key_value_heads;
  std::optional<int64_t> head_dim;
  int64_t intermediate_size = 11008;
  int64_t max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  RopeScalingParams rope_scaling;
  AttentionBias attention_bias = AttentionBias::none;
  bool mlp_bias = false;
  bool tie_word_embeddings = false;

  void visit(ParamVisitor& v);
  int64_t key_value_heads() const { return num_key_value_heads.value_or(num_heads); }
  int64_t head_width() const { return head_dim.value_or(hidden_size / num_heads); }
  /// Error: numbers that do not fit each other; `added_tokens` of the tokenizer come after vocab_size.
  void check(int64_t added_tokens) const;
};

/// `huggingface`: the tensor names of LlamaForCausalLM and, without "model.", of LlamaModel. `gguf`: those of
/// llama.cpp's files of the architectures llama and qwen2.
std::vector<NamingTable> llama_naming_tables(const LlamaParams& params);

}  // namespace flam
