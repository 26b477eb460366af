// GGUF files as weights of the decoder.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include "framework/base/file.h"
#include "framework/component/language_decoder.h"
#include "tests/support/component.h"
#include "tests/support/gguf_file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using test::GgufFile;
using testing::HasSubstr;

constexpr int64_t kHeads = 4, kKeyHeads = 2;

std::string config(const std::string& more = "") {
  return "{type: llama, vocab_size: 11, hidden_size: 24, num_layers: 2, num_heads: 4, num_key_value_heads: "
         "2, "
         "intermediate_size: 20, attention_bias: qkv" +
         more + "}";
}

/// The rows in the order that convert_hf_to_gguf.py gives them (LlamaModel.permute).
at::Tensor permuted(const at::Tensor& rows, int64_t heads) {
  std::vector<int64_t> shape = rows.sizes().vec();
  std::vector<int64_t> split{heads, 2, shape[0] / heads / 2};
  split.insert(split.end(), shape.begin() + 1, shape.end());
  return rows.reshape(split).transpose(1, 2).reshape(shape);
}

struct Name {
  std::string ours, theirs;
  int64_t heads = 0;  // of permuted rows
};

std::vector<Name> names(bool permutes, bool tied) {
  std::vector<Name> out{{"model.embed_tokens.weight", "token_embd.weight"},
                        {"model.norm.weight", "output_norm.weight"}};
  if (!tied) out.push_back({"lm_head.weight", "output.weight"});
  for (const std::string layer : {"0", "1"}) {
    const std::string ours = "model.layers." + layer + ".", theirs = "blk." + layer + ".";
    out.push_back({ours + "input_layernorm.weight", theirs + "attn_norm.weight"});
    out.push_back({ours + "post_attention_layernorm.weight", theirs + "ffn_norm.weight"});
    for (const std::string leaf : {".weight", ".bias"}) {
      out.push_back({ours + "self_attn.q_proj" + leaf, theirs + "attn_q" + leaf, permutes ? kHeads : 0});
      out.push_back({ours + "self_attn.k_proj" + leaf, theirs + "attn_k" + leaf, permutes ? kKeyHeads : 0});
      out.push_back({ours + "self_attn.v_proj" + leaf, theirs + "attn_v" + leaf});
    }
    out.push_back({ours + "self_attn.o_proj.weight", theirs + "attn_output.weight"});
    for (const std::string part : {"gate", "up", "down"})
      out.push_back({ours + "mlp." + part + "_proj.weight", theirs + "ffn_" + part + ".weight"});
  }
  return out;
}

class LlamaGguf : public ::testing::Test {
 protected:
  /// A file of the weights of `llama`.
  static GgufFile file_of(Built<LanguageDecoder>& llama, const std::string& architecture, bool tied = false) {
    GgufFile file;
    file.key("general.architecture", architecture);
    for (const Name& name : names(architecture == "llama", tied)) {
      at::Tensor values = llama.weight(name.ours);
      if (name.heads > 0) values = permuted(values, name.heads);
      std::vector<uint64_t> dims;
      for (const int64_t size : values.sizes()) dims.insert(dims.begin(), static_cast<uint64_t>(size));
      const at::Tensor dense = values.contiguous();
      file.tensor(name.theirs, dims, 0, {static_cast<const char*>(dense.const_data_ptr()), dense.nbytes()});
    }
    return file;
  }
  void load(Built<LanguageDecoder>& llama, const GgufFile& file) {
    write_file(folder_ / "model.gguf", file.bytes());
    WeightsFile weights;
    weights.path = (folder_ / "model.gguf").string();
    weights.layout = {{"", "language_decoder", "gguf"}};
    llama.load({weights});
  }
  test::Scratch folder_;
};

TEST_F(LlamaGguf, rows_of_llama_are_put_back_and_those_of_qwen2_kept) {
  for (const std::string architecture : {"llama", "qwen2"}) {
    for (const bool tied : {false, true}) {
      const std::string options = tied ? ", tie_word_embeddings: true" : "";
      Built<LanguageDecoder> written(config(options)), read(config(options));
      written.fill_randomly();
      load(read, file_of(written, architecture, tied));
      for (const auto& slot : written.store.slots())
        EXPECT_TRUE(at::equal(read.store.find(slot->name)->tensor, slot->tensor)) << slot->name;
    }
  }
}

TEST_F(LlamaGguf, logits_are_those_of_transformers_reading_the_file) {
  const at::NoGradGuard no_grad;
  for (const std::string name : {"llama", "qwen2"}) {
    Built<LanguageDecoder> decoder(
        "{type: llama, vocab_size: 40, hidden_size: 64, num_layers: 2, num_heads: 4, num_key_value_heads: 2, "
        "intermediate_size: 96, rms_norm_eps: 1.0e-5, rope_theta: 500, " +
        std::string(name == "llama" ? "tie_word_embeddings: true}" : "attention_bias: qkv}"));
    WeightsFile weights;
    weights.path = (golden_dir() / "gguf" / (name + ".gguf")).string();
    weights.layout = {{"", "language_decoder", "gguf"}};
    decoder.load({weights});
    const auto expected = open_checkpoint(golden_dir() / "gguf" / (name + ".safetensors"));
    const at::Tensor ids = expected->tensor("ids");
    const int64_t length = ids.size(1);
    const DecodeStep step{at::arange(length).expand({2, length}),
                          at::ones({length, length}, at::kBool).tril().expand({2, 1, length, length}),
                          nullptr, nullptr};
    const at::Tensor hidden = decoder->run(0, decoder->num_layers(), decoder->embed(ids), step);
    EXPECT_TRUE(near(decoder->head(hidden, nullptr), expected->tensor("logits"), kGoldenTolerance)) << name;
  }
}

TEST_F(LlamaGguf, other_architectures_are_refused) {
  Built<LanguageDecoder> written(config()), read(config());
  written.fill_randomly();
  EXPECT_THAT(error_of([&] { load(read, file_of(written, "gemma2")); }),
              HasSubstr("the naming 'gguf' of language_decoder is for GGUF files of the architectures llama, "
                        "qwen2; this file is of 'gemma2'"));
  EXPECT_THAT(error_of([&] { load(read, GgufFile()); }), HasSubstr("this file names none"));
}

TEST_F(LlamaGguf, factors_of_the_frequencies_need_their_scaling) {
  const std::string scaling =
      ", rope_scaling: {rope_type: llama3, factor: 8, low_freq_factor: 1, high_freq_factor: 4, "
      "original_max_position_embeddings: 16}";
  Built<LanguageDecoder> written(config()), plain(config()), scaled(config(scaling));
  written.fill_randomly();
  GgufFile file = file_of(written, "llama");
  file.tensor("rope_freqs.weight", {3}, {1, 2, 8});
  EXPECT_THAT(error_of([&] { load(plain, file); }), HasSubstr("rope_freqs.weight"));
  load(scaled, file);
}

TEST_F(LlamaGguf, rows_of_another_number_are_one_error) {
  Built<LanguageDecoder> written(config()), read(config(", head_dim: 4"));
  written.fill_randomly();
  EXPECT_THAT(error_of([&] { load(read, file_of(written, "llama")); }),
              HasSubstr("blk.0.attn_q.weight is [24, 24]"));
}

}  // namespace
}  // namespace flam
