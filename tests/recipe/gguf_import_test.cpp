// GGUF files as parts of configs.
#include "framework/recipe/import/gguf_import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/base/file.h"
#include "framework/config/config.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/run_options.h"
#include "tests/support/gguf_file.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using test::GgufFile;
using testing::HasSubstr;
using Texts = std::vector<std::string>;

class GgufImport : public testing::Test {
 protected:
  /// The metadata of a small model, without its tokenizer.
  static GgufFile sizes(const std::string& architecture = "llama") {
    GgufFile file;
    file.key("general.architecture", architecture).key("general.name", "small");
    for (const auto& [key, value] : std::map<std::string, uint32_t>{{"block_count", 2},
                                                                    {"embedding_length", 64},
                                                                    {"feed_forward_length", 96},
                                                                    {"context_length", 128},
                                                                    {"attention.head_count", 1},
                                                                    {"attention.head_count_kv", 1},
                                                                    {"rope.dimension_count", 64}})
      file.key(architecture + "." + key, value);
    file.key(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f);
    return file.key(architecture + ".rope.freq_base", 500000.f);
  }
  static GgufFile& add_bpe(GgufFile& file, const Texts& tokens = {"<|end|>", "a", "b", "<|pad|>"},
                           const std::vector<int32_t>& types = {3, 1, 1, 3}) {
    return file.key("tokenizer.ggml.model", "gpt2")
        .key("tokenizer.ggml.pre", "smollm")
        .key("tokenizer.ggml.tokens", tokens)
        .key("tokenizer.ggml.token_type", types)
        .key("tokenizer.ggml.merges", Texts{})
        .key("tokenizer.ggml.eos_token_id", 0u);
  }
  static GgufFile whole(const std::string& architecture = "llama") {
    GgufFile file = sizes(architecture);
    return add_bpe(file).key("tokenizer.ggml.padding_token_id", 3u);
  }
  Value import(const GgufFile& file) {
    write_file(path(), file.bytes());
    return import_gguf(path(), *registry_);
  }
  std::string refusal(const GgufFile& file) {
    return error_of([&] { import(file); });
  }
  std::string path() const { return (scratch_ / "small.gguf").string(); }
  static std::string shown(const Value& config, std::initializer_list<const char*> keys) {
    const Value* value = &config;
    for (const char* key : keys) value = value ? value->find(key) : nullptr;
    return value ? write_json(*value) : "absent";
  }

  test::Scratch scratch_;
  std::unique_ptr<Registry> registry_ = open_registry({});
};

TEST_F(GgufImport, ThePartsOfAConfigAreThoseOfTheFile) {
  GgufFile file = whole();
  const Value config = import(file.tensor("output.weight", {1}, {0}));
  EXPECT_EQ(shown(config, {"model", "language_decoder"}),
            R"({"type":"llama","rope_theta":500000.0,"num_heads":1,"num_key_value_heads":1,)"
            R"("rms_norm_eps":1e-05,"num_layers":2,"max_position_embeddings":128,"hidden_size":64,)"
            R"("intermediate_size":96,"tie_word_embeddings":false,"vocab_size":4})");
  EXPECT_EQ(shown(config, {"model", "tokenizer"}),
            R"({"type":"byte_bpe","model":"small.gguf","added_tokens":["<image>"],"image_token":"<image>",)"
            R"("pad_token":"<|pad|>","eos_token":"<|end|>"})");
  EXPECT_EQ(shown(config, {"generation", "stop_tokens"}), R"(["<|end|>"])");
  EXPECT_EQ(shown(config, {"generation", "pad_token_id"}), "3");
  EXPECT_EQ(shown(config, {"weights", "root"}), write_json(Value(scratch_.path().string())));
  EXPECT_EQ(shown(config, {"weights", "files"}),
            R"([{"layout":[{"prefix":"","slot":"language_decoder","naming":"gguf"}],"path":"small.gguf"}])");
}

TEST_F(GgufImport, Qwen2HasBiasesAndATiedOutput) {
  const Value config = import(whole("qwen2"));
  EXPECT_EQ(shown(config, {"model", "language_decoder", "attention_bias"}), "\"qkv\"");
  EXPECT_EQ(shown(config, {"model", "language_decoder", "tie_word_embeddings"}), "true");
}

TEST_F(GgufImport, ASentencePieceTokenizerIsNamed) {
  GgufFile file = sizes();
  file.key("tokenizer.ggml.model", "llama")
      .key("tokenizer.ggml.tokens", Texts{"<unk>", "<s>", "</s>", "a"})
      .key("tokenizer.ggml.scores", std::vector<float>{0, 0, 0, -1})
      .key("tokenizer.ggml.token_type", std::vector<int32_t>{2, 3, 3, 1})
      .key("tokenizer.ggml.bos_token_id", 1u)
      .key("tokenizer.ggml.eos_token_id", 2u)
      .key("tokenizer.ggml.eot_token_id", 3u);
  const Value config = import(file);
  EXPECT_EQ(
      shown(config, {"model", "tokenizer"}),
      R"({"type":"sentencepiece","model":"small.gguf","added_tokens":["<image>"],"image_token":"<image>",)"
      R"("pad_token":"</s>","prepend_bos":true,"legacy":true,"swallow_spaces":false})");
  EXPECT_EQ(shown(config, {"generation", "stop_tokens"}), R"(["</s>","a"])");
}

TEST_F(GgufImport, AnImageTokenOfTheFileIsUsed) {
  GgufFile last = sizes(), inside = sizes();
  const Value at_the_end = import(add_bpe(last, {"<|end|>", "a", "<image>", "<row>"}, {3, 1, 3, 4}));
  EXPECT_EQ(shown(at_the_end, {"model", "tokenizer", "added_tokens"}), R"(["<image>","<row>"])");
  EXPECT_EQ(shown(at_the_end, {"model", "language_decoder", "vocab_size"}), "2");
  const Value within = import(add_bpe(inside, {"<|end|>", "<image>", "a"}, {3, 3, 1}));
  EXPECT_EQ(shown(within, {"model", "tokenizer", "added_tokens"}), R"(["<image_1>"])");
  EXPECT_EQ(shown(within, {"model", "language_decoder", "vocab_size"}), "3");
}

TEST_F(GgufImport, FactorsOfTheFrequenciesBecomeTheirScaling) {
  // Llama 3.2 1B: head_dim 64, rope_theta 500000, factor 32 (convert_hf_to_gguf.py).
  std::vector<float> factors;
  for (int i = 0; i < 32; ++i) {
    const double wavelength = 2 * M_PI * std::pow(500000., i / 32.), kept = (8192 / wavelength - 1) / 3;
    factors.push_back(static_cast<float>(wavelength < 2048   ? 1
                                         : wavelength > 8192 ? 32
                                                             : 1 / ((1 - kept) / 32 + kept)));
  }
  GgufFile file = whole(), other = whole();
  EXPECT_EQ(shown(import(file.tensor("rope_freqs.weight", {32}, factors)),
                  {"model", "language_decoder", "rope_scaling"}),
            R"({"rope_type":"llama3","factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0,)"
            R"("original_max_position_embeddings":8192})");
  factors[20] += 0.1f;
  EXPECT_THAT(refusal(other.tensor("rope_freqs.weight", {32}, factors)),
              HasSubstr("'rope_freqs.weight' has other factors"));
}

TEST_F(GgufImport, WhatChangesTheNumbersIsNeverIgnored) {
  EXPECT_THAT(refusal(whole("gemma2")),
              HasSubstr("small.gguf: there are no rules for the architecture 'gemma2'; known: llama, qwen2"));
  EXPECT_THAT(refusal(GgufFile()), HasSubstr("a file without general.architecture"));
  EXPECT_THAT(refusal(whole().key("llama.expert_count", 8u)), HasSubstr("'llama.expert_count' is 8"));
  EXPECT_THAT(refusal(whole().key("llama.new_trick", 1u)),
              HasSubstr("'llama.new_trick' is 1, and there is no rule"));
  EXPECT_THAT(refusal(whole().key("llama.rope.scaling.type", "yarn")), HasSubstr("supported: none, linear"));
  EXPECT_THAT(refusal(whole().key("llama.attention.value_length", 32u)),
              HasSubstr("attention.value_length is 32, which is not supported; expected 64"));
  GgufFile missing;
  EXPECT_THAT(refusal(missing.key("general.architecture", "llama")),
              HasSubstr("'llama.block_count' is missing"));
  GgufFile none = sizes(), unknown = sizes(), cut = sizes();
  EXPECT_THAT(refusal(none), HasSubstr("tokenizer.ggml.model is missing"));
  EXPECT_THAT(refusal(unknown.key("tokenizer.ggml.model", "bert")),
              HasSubstr("'bert', which is not supported"));
  EXPECT_THAT(refusal(whole().key("tokenizer.ggml.bos_token_id", 9u)),
              HasSubstr("tokenizer.ggml.bos_token_id is 9, but there are 4 tokens"));
  EXPECT_THAT(refusal(whole().key("tokenizer.ggml.add_eos_token", true)),
              HasSubstr("small.gguf: 'tokenizer.ggml.add_eos_token' is true, which is not supported"));
  EXPECT_EQ(refusal(whole().key("tokenizer.ggml.add_space_prefix", false)), "") << "of SentencePiece only";
  EXPECT_THAT(
      refusal(sizes().key("tokenizer.ggml.model", "llama").key("tokenizer.ggml.add_space_prefix", false)),
      HasSubstr("'tokenizer.ggml.add_space_prefix' is false, which is not supported"));
  EXPECT_THAT(refusal(whole().key("tokenizer.ggml.new_trick", 1u)),
              HasSubstr("'tokenizer.ggml.new_trick' is 1, and there is no rule"));
  EXPECT_EQ(refusal(whole().key("tokenizer.ggml.mask_token_id", 1u).key("tokenizer.chat_template", "x")), "");
}

TEST_F(GgufImport, AGgufFileIsNoConfig) {
  write_file(path(), whole().bytes());
  EXPECT_TRUE(is_gguf_file(path()));
  EXPECT_FALSE(is_gguf_file(scratch_.path().string()));
  EXPECT_THAT(error_of([&] { load_config_tree(path(), {}); }),
              HasSubstr("make a base for a config of it: flam import FILE.gguf OUT.yaml"));
}

}  // namespace
}  // namespace flam
