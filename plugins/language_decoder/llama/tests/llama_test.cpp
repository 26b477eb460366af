#include <ATen/core/grad_mode.h>

#include "framework/component/language_decoder.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"

namespace flam {
namespace {

constexpr int64_t kVocabulary = 11, kAdded = 2, kLayers = 3;

std::string config(const std::string& more = "") {
  return "{type: llama, vocab_size: 11, hidden_size: 16, num_layers: 3, num_heads: 4, intermediate_size: 20, "
         "rms_norm_eps: 1.0e-6" +
         more + "}";
}

/// Two rows of six tokens, the second with two padding tokens on the left.
const at::Tensor& prompt_mask() {
  static const at::Tensor mask =
      at::tensor({1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1}, at::kLong).view({2, 6}).to(at::kBool);
  return mask;
}

at::Tensor some_ids(int64_t rows, int64_t length, uint64_t seed) {
  at::manual_seed(seed);
  return at::randint(kVocabulary + kAdded, {rows, length}, at::kLong);
}

DecodeStep whole(const at::Tensor& mask, KVCache* cache = nullptr) {
  const int64_t length = mask.size(1);
  const at::Tensor causal = at::ones({length, length}, at::kBool).tril();
  return {(mask.to(at::kLong).cumsum(-1) - 1).clamp_min(0), causal & mask.view({-1, 1, 1, length}), cache,
          nullptr};
}

at::Tensor run_all(const LanguageDecoder& llama, const at::Tensor& ids, const DecodeStep& step) {
  return llama.run(0, llama.num_layers(), llama.embed(ids), step);
}

class Llama : public ::testing::TestWithParam<const char*> {
 protected:
  Llama() : llama(config(GetParam()), {kAdded}) { llama.fill_randomly(); }
  Built<LanguageDecoder> llama;
};
INSTANTIATE_TEST_SUITE_P(
    Variants, Llama,
    ::testing::Values("", ", num_key_value_heads: 2", ", tie_word_embeddings: true",
                      ", num_key_value_heads: 1, rope_theta: 500", ", head_dim: 6, num_key_value_heads: 2",
                      ", attention_bias: qkv, rope_scaling: {rope_type: linear, factor: 2}",
                      ", attention_bias: all, mlp_bias: true, rope_scaling: {rope_type: llama3, "
                      "factor: 8, low_freq_factor: 1, high_freq_factor: 4, "
                      "original_max_position_embeddings: 16}"));

TEST_P(Llama, cached_steps_of_several_beams_equal_the_whole_sequence) {
  constexpr int64_t kBeams = 3, kSteps = 4;
  const at::NoGradGuard no_grad;
  const at::Tensor prompt = some_ids(2, 6, 1), generated = some_ids(2 * kBeams, kSteps, 2);
  KVCache cache(llama->cache_layout(), 2, 6, kBeams, kSteps, at::kFloat);
  const at::Tensor first = run_all(*llama, prompt, whole(prompt_mask(), &cache));
  cache.begin_tail(prompt_mask());

  const at::Tensor rows = at::cat({prompt.repeat_interleave(kBeams, 0), generated}, 1);
  const at::Tensor mask =
      at::cat({prompt_mask().repeat_interleave(kBeams, 0), at::ones({2 * kBeams, kSteps}, at::kBool)}, 1);
  const at::Tensor expected = run_all(*llama, rows, whole(mask));
  EXPECT_TRUE(near(first[0], expected[0].narrow(0, 0, 6)));
  EXPECT_TRUE(near(first[1].narrow(0, 2, 4), expected[kBeams].narrow(0, 2, 4)));
  for (int64_t step = 0; step < kSteps; ++step) {
    const DecodeStep one{mask.to(at::kLong).sum(1, true) - kSteps + step, {}, &cache, nullptr};
    const at::Tensor out = run_all(*llama, generated.narrow(1, step, 1), one);
    cache.advance();
    EXPECT_TRUE(near(out.select(1, 0), expected.select(1, 6 + step))) << step;
  }
}

TEST_P(Llama, a_padded_row_equals_the_row_alone) {
  const at::Tensor ids = some_ids(2, 6, 1), alone = ids.narrow(0, 1, 1).narrow(1, 2, 4);
  const at::Tensor both = run_all(*llama, ids, whole(prompt_mask()));
  EXPECT_TRUE(near(both[1].narrow(0, 2, 4), run_all(*llama, alone, whole(at::ones({1, 4}, at::kBool)))[0]));
}

TEST_P(Llama, ranges_of_layers_add_up_and_nothing_is_overwritten) {
  const at::NoGradGuard no_grad;
  const at::Tensor ids = some_ids(2, 6, 1), hidden = llama->embed(ids), kept = hidden.clone();
  const DecodeStep step = whole(prompt_mask());
  const at::Tensor parts = llama->run(1, kLayers, llama->run(0, 1, hidden, step), step);
  EXPECT_TRUE(at::equal(parts, llama->run(0, kLayers, hidden, step)));
  EXPECT_TRUE(at::equal(hidden, kept));
}

TEST_P(Llama, gradients_reach_every_weight) {
  llama.want_gradients();
  const at::Tensor hidden = run_all(*llama, some_ids(2, 6, 1), whole(at::ones({2, 6}, at::kBool)));
  llama->head(hidden, nullptr).square().sum().backward();
  llama.expect_gradients();
}

TEST_P(Llama, bfloat16_is_near_float32) {
  const at::NoGradGuard no_grad;
  const at::Tensor ids = some_ids(2, 6, 1);
  const at::Tensor expected = llama->head(run_all(*llama, ids, whole(at::ones({2, 6}, at::kBool))), nullptr);
  llama.store.to(at::kCPU, at::kBFloat16);
  const at::Tensor logits = llama->head(run_all(*llama, ids, whole(at::ones({2, 6}, at::kBool))), nullptr);
  EXPECT_EQ(logits.scalar_type(), at::kBFloat16);
  EXPECT_TRUE(near(logits, expected, 5e-2));
}

TEST(LlamaShapes, have_the_published_sizes) {
  Built<LanguageDecoder> seven("{type: llama}", {3});
  EXPECT_EQ(seven.store.parameter_count(), 6738440192);
  EXPECT_EQ(seven->vocab_size(), 32000);
  EXPECT_EQ(seven->cache_layout().num_layers, 32);
  EXPECT_EQ(seven->cache_layout().num_key_value_heads, 32);
  EXPECT_EQ(seven->cache_layout().head_dim, 128);

  Built<LanguageDecoder> untied(config(), {kAdded}), tied(config(", tie_word_embeddings: true"), {kAdded});
  EXPECT_EQ(untied.store.parameter_count() - tied.store.parameter_count(), (kVocabulary + kAdded) * 16);
  EXPECT_TRUE(tied.store.find("language_decoder.lm_head.weight"));
}

TEST(LlamaShapes, run_on_meta_and_count_operations) {
  Built<LanguageDecoder> llama(config(", num_key_value_heads: 2"), {kAdded});
  const auto meta = at::TensorOptions().device(at::kMeta);
  const at::Tensor ids = at::empty({1, 6}, meta.dtype(at::kLong));
  const DecodeStep step{ids, at::empty({1, 1, 6, 6}, meta.dtype(at::kBool)), nullptr, nullptr};
  FlopScope flops;
  const at::Tensor logits = llama->head(run_all(*llama, ids, step), nullptr);
  EXPECT_EQ(logits.sizes(), at::IntArrayRef({1, 6, kVocabulary + kAdded}));
  constexpr int64_t kRows = 6, kWidth = 16;
  const int64_t linear = 2 * kRows * (kWidth * (16 + 8 + 8 + 16) + 3 * kWidth * 20);
  const int64_t attention = 4 * kRows * kRows * kWidth;
  EXPECT_EQ(flops.flops(), kLayers * (linear + attention) + 2 * kRows * kWidth * (kVocabulary + kAdded));
}

TEST(LlamaShapes, refuse_heads_that_do_not_divide_the_width) {
  for (const char* wrong : {"{type: llama, num_heads: 7}", "{type: llama, num_key_value_heads: 5}",
                            "{type: llama, hidden_size: 12, num_heads: 4}"}) {
    EXPECT_THROW((Built<LanguageDecoder>{wrong, {0}}), Error) << wrong;
  }
}

TEST(LlamaShapes, count_the_options) {
  const auto parameters = [](const std::string& more) {
    return Built<LanguageDecoder>(config(more), {kAdded}).store.parameter_count();
  };
  const int64_t plain = parameters("");
  EXPECT_EQ(parameters(", attention_bias: qkv") - plain, kLayers * 3 * 16);
  EXPECT_EQ(parameters(", attention_bias: all") - plain, kLayers * 4 * 16);
  EXPECT_EQ(parameters(", mlp_bias: true") - plain, kLayers * (2 * 20 + 16));
  EXPECT_EQ(parameters(", head_dim: 6") - plain, kLayers * 4 * 16 * (24 - 16));
  EXPECT_EQ(parameters(", output_vocab_size: 12") - plain, -16);
  const Built<LanguageDecoder> grouped(config(", head_dim: 6, num_key_value_heads: 2"), {kAdded});
  EXPECT_EQ(grouped->cache_layout().head_dim, 6);
  EXPECT_EQ(grouped->cache_layout().num_key_value_heads, 2);
}

TEST(LlamaShapes, tokens_without_an_output_row_can_be_read_and_never_written) {
  const at::NoGradGuard no_grad;
  Built<LanguageDecoder> llama(config(", output_vocab_size: 12"), {kAdded});
  llama.fill_randomly();
  const at::Tensor ids = at::full({1, 2}, 12, at::kLong);
  const at::Tensor hidden = run_all(*llama, ids, whole(at::ones({1, 2}, at::kBool)));
  EXPECT_TRUE(hidden.isfinite().all().item<bool>());
  const at::Tensor logits = llama->head(hidden, nullptr);
  EXPECT_EQ(logits.size(2), 13);
  EXPECT_TRUE(logits.narrow(2, 0, 12).isfinite().all().item<bool>());
  EXPECT_TRUE(logits.select(2, 12).isneginf().all().item<bool>());
}

TEST(LlamaShapes, refuse_options_that_do_not_fit) {
  struct Case {
    const char *more, *message;
  };
  for (const Case& c : {
           Case{", head_dim: 5", "must be even"},
           Case{", output_vocab_size: 10", "expected 11 (vocab_size) to 13"},
           Case{", output_vocab_size: 14", "expected 11 (vocab_size) to 13"},
           Case{", output_vocab_size: 12, tie_word_embeddings: true", "needs tie_word_embeddings: false"},
           Case{", rope_scaling: {factor: 2}", "rope_type default does not use 'factor'"},
           Case{", rope_scaling: {rope_type: linear}", "rope_type linear needs 'factor'"},
           Case{", rope_scaling: {rope_type: llama3, factor: 8}", "rope_type llama3 needs 'low_freq_factor'"},
           Case{", rope_scaling: {rope_type: llama3, factor: 8, low_freq_factor: 4, high_freq_factor: 4, "
                "original_max_position_embeddings: 64}",
                "must be greater than low_freq_factor 4"},
           Case{", rope_scaling: {rope_type: yarn}", "yarn"},
           Case{", attention_bias: some", "some"},
       }) {
    try {
      Built<LanguageDecoder>(config(c.more), {kAdded});
      ADD_FAILURE() << c.more;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(c.message), std::string::npos) << error.what();
    }
  }
}

TEST(LlamaShapes, rows_that_no_file_has_score_zero) {
  Built<LanguageDecoder> llama(config(), {kAdded});
  const WeightSlot& head = *llama.store.find("language_decoder.lm_head.weight");
  EXPECT_TRUE(head.vocabulary);
  ASSERT_TRUE(head.missing_rows);
  EXPECT_EQ(head.missing_rows->kind, Init::Kind::zeros);
  EXPECT_EQ(head.init.kind, Init::Kind::normal);
}

}  // namespace
}  // namespace flam
