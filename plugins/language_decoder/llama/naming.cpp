#include "plugins/language_decoder/llama/llama.h"

namespace flam {

namespace {

NamingTable huggingface() {
  NamingTable table{"huggingface", {}};
  for (const std::string prefix : {"model.", ""}) {
    const auto add = [&](const std::string& name) {
      table.rules.push_back({prefix + name, "model." + name});
    };
    add("embed_tokens.weight");
    add("norm.weight");
    for (const char* norm : {"input_layernorm", "post_attention_layernorm"})
      add(cat("layers.{}.", norm, ".weight"));
    for (const char* layer : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                              "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
      rename_layer(table.rules, cat(prefix, "layers.{}.", layer), cat("model.layers.{}.", layer));
    }
    table.rules.push_back({prefix + "layers.{}.self_attn.rotary_emb.inv_freq", ""});
    table.rules.push_back({prefix + "rotary_emb.inv_freq", ""});
  }
  table.rules.push_back({"lm_head.weight", "lm_head.weight"});
  return table;
}

/// Names of gguf-py (tensor_mapping.py). The rows of queries and keys are those of convert_hf_to_gguf.py,
/// which interleaves them for llama and keeps them for qwen2.
NamingTable gguf(const std::string& architecture, const LlamaParams& params) {
  const bool interleaved = architecture == "llama";
  NamingTable table{"gguf", {}, architecture};
  table.rules = {{"token_embd.weight", "model.embed_tokens.weight"},
                 {"output_norm.weight", "model.norm.weight"},
                 {"output.weight", "lm_head.weight"},
                 {"blk.{}.attn_norm.weight", "model.layers.{}.input_layernorm.weight"},
                 {"blk.{}.ffn_norm.weight", "model.layers.{}.post_attention_layernorm.weight"}};
  struct Projection {
    const char *from, *to;
    int64_t interleaved_heads = 0;
  };
  for (const auto& [from, to, heads] :
       {Projection{"attn_q", "self_attn.q_proj", interleaved ? params.num_heads : 0},
        Projection{"attn_k", "self_attn.k_proj", interleaved ? params.key_value_heads() : 0},
        Projection{"attn_v", "self_attn.v_proj"}, Projection{"attn_output", "self_attn.o_proj"},
        Projection{"ffn_gate", "mlp.gate_proj"}, Projection{"ffn_up", "mlp.up_proj"},
        Projection{"ffn_down", "mlp.down_proj"}}) {
    for (const char* leaf : {".weight", ".bias"}) {
      table.rules.push_back({cat("blk.{}.", from, leaf), cat("model.layers.{}.", to, leaf), -1, heads});
    }
  }
  // The factors of the frequencies, which rope_scaling gives; without it, the file's model is another one.
  if (params.rope_scaling.rope_type == RopeScaling::Type::llama3)
    table.rules.push_back({"rope_freqs.weight", ""});
  return table;
}

}  // namespace

std::vector<NamingTable> llama_naming_tables(const LlamaParams& params) {
  return {huggingface(), gguf("llama", params), gguf("qwen2", params)};
}

}  // namespace flam
