#include <gmock/gmock.h>

#include "framework/component/resampler.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

const ResamplerInput kTiny{{32, 3, 3, 1}, 20};  // as in dump_hf.py
const std::string kShape =
    "{type: q_former, num_latents: 5, hidden_size: 24, num_layers: 3, num_heads: 3, intermediate_size: 40";

std::filesystem::path dump_file() {
  return golden_dir() / "blip2_tiny" / "q_former.safetensors";
}

TEST(QFormer, equals_hugging_face) {
  const auto dump = open_checkpoint(dump_file());
  Built<Resampler> q_former(kShape + "}", kTiny), bare(kShape + ", projection: false}", kTiny);
  const std::vector<LayoutRule> layout{{"", Resampler::kKind, "huggingface"}};
  q_former.load({{dump_file().string(), layout, {"x_*", "hidden_*", "out_*"}, {}}});
  bare.load({{dump_file().string(), layout, {"x_*", "hidden_*", "out_*", "language_projection.*"}, {}}});
  for (const std::string name : {"a", "b"}) {  // b: several pictures with several frames each
    const Features features{dump->tensor("x_" + name), 3, 3, 1};
    EXPECT_TRUE(near(q_former->forward(features), dump->tensor("out_" + name), kGoldenTolerance)) << name;
    EXPECT_TRUE(near(bare->forward(features), dump->tensor("hidden_" + name), kGoldenTolerance)) << name;
  }
  EXPECT_EQ(q_former->shape().width, 20);
  EXPECT_EQ(bare->shape().width, 24);
}

TEST(QFormer, reads_lavis_names_too) {
  const test::Scratch folder;
  const auto dump = open_checkpoint(dump_file());
  const std::vector<std::pair<std::string, std::string>> names = {
      {"qformer.encoder", "Qformer.bert.encoder"},
      {"qformer.layernorm", "Qformer.bert.embeddings.LayerNorm"},
      {"ttention.attention.", "ttention.self."},
      {"language_projection", "opt_proj"}};
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (std::string key : dump->names()) {
    if (key.starts_with("x_") || key.starts_with("hidden_") || key.starts_with("out_")) continue;
    const at::Tensor value = dump->tensor(key);
    for (const auto& [from, to] : names) {
      if (const size_t at = key.find(from); at != std::string::npos) key.replace(at, from.size(), to);
    }
    tensors.emplace_back(key, value);
  }
  // The file has the text side of the first stage, which is skipped.
  tensors.emplace_back("Qformer.bert.encoder.layer.0.intermediate.dense.weight", at::zeros({40, 24}));
  write_safetensors(folder / "blip2.safetensors", tensors);
  Built<Resampler> q_former(kShape + "}", kTiny);
  q_former.load({{(folder / "blip2.safetensors").string(), {{"", Resampler::kKind, "lavis"}}, {}, {}}});
  const Features features{dump->tensor("x_a"), 3, 3, 1};
  EXPECT_TRUE(near(q_former->forward(features), dump->tensor("out_a"), kGoldenTolerance));
}

TEST(QFormer, keeps_images_separate_and_attends_to_all_frames_without_an_order) {
  Built<Resampler> q_former(kShape + "}", kTiny);
  q_former.fill_randomly();
  const at::Tensor tokens = random({2, 3, 2, 10, 32}, 1);
  const at::Tensor all = q_former->forward({tokens, 3, 3, 1});
  EXPECT_EQ(all.sizes(), at::IntArrayRef({2, 3, 5, 20}));
  EXPECT_TRUE(near(q_former->forward({tokens.narrow(0, 1, 1).narrow(1, 2, 1), 3, 3, 1})[0][0], all[1][2]));
  EXPECT_TRUE(near(q_former->forward({tokens.flip(2), 3, 3, 1}), all));
  EXPECT_FALSE(near(q_former->forward({tokens.narrow(2, 0, 1), 3, 3, 1}), all, 1e-3));
}

TEST(QFormer, prefix_tokens_are_attended_to_or_not) {
  Built<Resampler> with(kShape + "}", kTiny), without(kShape + ", drop_prefix: true}", kTiny);
  with.fill_randomly();
  without.fill_randomly();
  const at::Tensor tokens = random({1, 1, 2, 10, 32}, 1);
  at::Tensor other = tokens.clone();
  other.select(3, 0).fill_(5);
  EXPECT_TRUE(near(without->forward({tokens, 3, 3, 1}), without->forward({other, 3, 3, 1})));
  EXPECT_FALSE(near(with->forward({tokens, 3, 3, 1}), with->forward({other, 3, 3, 1}), 1e-3));
}

TEST(QFormer, the_published_model_has_its_size_and_runs_on_meta) {
  Built<Resampler> q_former("{type: q_former}", {{1408, 16, 16, 1}, 2560});
  // Blip2QFormerModel 105,137,664 + queries 32 × 768 + language_projection of OPT-2.7B
  EXPECT_EQ(q_former.store.parameter_count(), 105137664 + 32 * 768 + 768 * 2560 + 2560);
  FlopScope flops;
  const at::Tensor tokens = at::empty({1, 1, 1, 257, 1408}, at::kMeta);
  EXPECT_EQ(q_former->forward({tokens, 16, 16, 1}).sizes(), at::IntArrayRef({1, 1, 32, 2560}));
  EXPECT_GT(flops.flops(), 0);
}

TEST(QFormer, heads_must_divide_the_width) {
  EXPECT_THAT(error_of([] { Built<Resampler> q_former("{type: q_former, num_heads: 7}", kTiny); }),
              HasSubstr("hidden_size 768 is not a multiple of num_heads 7"));
}

TEST(QFormer, gradients_reach_every_weight) {
  Built<Resampler> q_former(kShape + "}", kTiny);
  q_former.fill_randomly();
  q_former.want_gradients();
  q_former->forward({random({1, 1, 2, 10, 32}, 1), 3, 3, 1}).square().sum().backward();
  q_former.expect_gradients();
}

}  // namespace
}  // namespace flam
