#include "plugins/language_decoder/llama/llama.h"

namespace flam {

void RopeScalingParams::visit(ParamVisitor& v) {
  v("rope_type", rope_type,
    "default: unchanged; linear: all frequencies are divided by factor; llama3: the slow ones are (Llama "
    "3.1)",
    choices("default", "linear", "llama3"));
  v("factor", factor, "number by which frequencies are divided", at_least(1));
  v("low_freq_factor", low_freq_factor,
    "llama3: frequencies that turn less often within original_max_position_embeddings are divided by factor",
    more_than(0));
  v("high_freq_factor", high_freq_factor,
    "llama3: frequencies that turn more often are kept; those in between are divided by less", more_than(0));
  v("original_max_position_embeddings", original_max_position_embeddings,
    "llama3: context length before scaling, tokens", between(1, kMostOfASize));
}

RopeScaling RopeScalingParams::scaling() const {
  using Type = RopeScaling::Type;
  const char* const names[] = {"default", "linear", "llama3"};
  const auto require = [&](const char* name, bool is_set, bool is_used) {
    if (is_set == is_used) return;
    throw Error(cat("rope_scaling: rope_type ", names[static_cast<int>(rope_type)],
                    is_used ? " needs '" : " does not use '", name, is_used ? "'; set it" : "'; remove it"));
  };
  const bool llama3 = rope_type == Type::llama3;
  require("factor", factor.has_value(), rope_type != Type::none);
  require("low_freq_factor", low_freq_factor.has_value(), llama3);
  require("high_freq_factor", high_freq_factor.has_value(), llama3);
  require("original_max_position_embeddings", original_max_position_embeddings.has_value(), llama3);
  if (llama3 && *high_freq_factor <= *low_freq_factor) {
    throw Error(cat("rope_scaling: high_freq_factor ", *high_freq_factor,
                    " must be greater than low_freq_factor ", *low_freq_factor));
  }
  const RopeScaling unused;
  return {rope_type, factor.value_or(unused.factor), low_freq_factor.value_or(unused.low_freq_factor),
          high_freq_factor.value_or(unused.high_freq_factor),
          original_max_position_embeddings.value_or(unused.original_max_position_embeddings)};
}

void LlamaParams::visit(ParamVisitor& v) {
  v("vocab_size", vocab_size, "size of the vocabulary, without the tokenizer's added tokens",
    between(1, kMostOfASize));
  v("output_vocab_size", output_vocab_size,
    "rows of the output matrix, if the last added tokens have none, because they are never generated "
    "(the image token of Llama 3.2 Vision); null: one for each token",
    between(1, kMostOfASize));
  v("hidden_size", hidden_size, "width of the hidden states", between(1, kMostOfASize));
  v("num_layers", num_layers, "decoder layers", between(1, 10000));
  v("num_heads", num_heads, "attention heads", between(1, kMostOfASize));
  v("num_key_value_heads", num_key_value_heads, "number of key and value heads; null: as many as num_heads",
    between(1, kMostOfASize));
  v("head_dim", head_dim, "width of an attention head; null: hidden_size / num_heads",
    between(1, kMostOfASize));
  v("intermediate_size", intermediate_size, "inner width of the feed-forward", between(1, kMostOfASize));
  v("max_position_embeddings", max_position_embeddings, "context length, tokens", between(1, kMostOfASize));
  v("rms_norm_eps", rms_norm_eps, "added to the mean square in every norm", more_than(0));
  v("rope_theta", rope_theta, "base of the rotary position frequencies", more_than(0));
  v("rope_scaling", rope_scaling, "how the rotary position frequencies are changed for a longer context");
  v("attention_bias", attention_bias,
    "which projections of the attention have a bias: none; qkv: query, key and value (Qwen2); all: the "
    "output "
    "too",
    choices("none", "qkv", "all"));
  v("mlp_bias", mlp_bias, "whether the linear layers of the feed-forward have a bias");
  v("tie_word_embeddings", tie_word_embeddings, "whether the output matrix is the input embedding");
}

void LlamaParams::check(int64_t added_tokens) const {
  if (!head_dim && hidden_size % num_heads != 0) {
    throw Error(cat("hidden_size ", hidden_size, " must be an even multiple of num_heads ", num_heads,
                    "; change one of them, or set head_dim"));
  }
  if (head_width() % 2 != 0) {
    throw Error(cat("the width of an attention head, ", head_width(),
                    ", must be even for rotary positions; change ", head_dim ? "head_dim" : "num_heads"));
  }
  if (head_width() > static_cast<int64_t>(kMostOfASize) / num_heads) {
    throw Error(cat("num_heads ", num_heads, " · head_dim ", head_width(), " is more than ",
                    static_cast<int64_t>(kMostOfASize)));
  }
  if (num_heads % key_value_heads() != 0) {
    throw Error(cat("num_heads ", num_heads, " is not a multiple of num_key_value_heads ", key_value_heads(),
                    "; change one of them"));
  }
  if (!output_vocab_size) return;
  if (tie_word_embeddings)
    throw Error("output_vocab_size needs tie_word_embeddings: false, because a tied matrix has all rows");
  if (*output_vocab_size < vocab_size || *output_vocab_size > vocab_size + added_tokens) {
    throw Error(cat("output_vocab_size is ", *output_vocab_size, "; expected ", vocab_size,
                    " (vocab_size) to ", vocab_size + added_tokens, " (with the tokenizer's added tokens)"));
  }
}

}  // namespace flam
