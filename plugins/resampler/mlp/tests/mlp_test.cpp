#include <gmock/gmock.h>

#include "framework/component/resampler.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

const ResamplerInput kSmall{{6, 2, 2, 1}, 10};  // five tokens of width 6; the first is a prefix token

TEST(Mlp, equals_the_same_layers_written_out) {
  Built<Resampler> mlp("{type: mlp, depth: 3, hidden_size: 7}", kSmall);
  mlp.fill_randomly();
  const at::Tensor tokens = random({2, 3, 1, 5, 6}, 1);
  at::Tensor x = tokens.select(2, 0).narrow(2, 1, 4);
  for (int64_t i = 0; i < 3; ++i) {
    const std::string layer = "layers." + std::to_string(i);
    if (i > 0) x = at::gelu(x);
    x = at::linear(x, mlp.weight(layer + ".weight"), mlp.weight(layer + ".bias"));
  }
  const at::Tensor all = mlp->forward({tokens, 2, 2, 1});
  EXPECT_TRUE(near(all, x));
  EXPECT_EQ(mlp->shape().tokens, 4);
  EXPECT_EQ(mlp->shape().width, 10);
  EXPECT_TRUE(near(mlp->forward({tokens.narrow(0, 1, 1).narrow(1, 2, 1), 2, 2, 1})[0][0], all[1][2]));
}

TEST(Mlp, one_layer_is_a_matrix_and_the_activation_a_choice) {
  Built<Resampler> linear("{type: mlp, depth: 1}", kSmall);
  EXPECT_EQ(linear.store.parameter_count(), 6 * 10 + 10);
  Built<Resampler> silu("{type: mlp, activation: silu}", kSmall), gelu("{type: mlp}", kSmall);
  silu.fill_randomly();
  gelu.fill_randomly();
  EXPECT_EQ(silu.store.parameter_count(), 6 * 10 + 10 + 10 * 10 + 10);
  const Features features{random({1, 1, 1, 5, 6}, 1), 2, 2, 1};
  EXPECT_FALSE(near(silu->forward(features), gelu->forward(features), 1e-3));
}

TEST(Mlp, the_layers_can_have_no_bias) {
  EXPECT_EQ(Built<Resampler>("{type: mlp, bias: false}", kSmall).store.parameter_count(), 6 * 10 + 10 * 10);
}

TEST(Mlp, prefix_tokens_are_dropped_or_become_media_tokens) {
  Built<Resampler> without("{type: mlp}", kSmall), with("{type: mlp, drop_prefix: false}", kSmall);
  without.fill_randomly();
  with.fill_randomly();
  EXPECT_EQ(with->shape().tokens, 5);
  const Features features{random({1, 2, 1, 5, 6}, 1), 2, 2, 1};
  EXPECT_TRUE(near(with->forward(features).narrow(2, 1, 4), without->forward(features)));
}

TEST(Mlp, a_video_is_the_mean_of_its_projected_frames) {
  Built<Resampler> mlp("{type: mlp}", kSmall);
  mlp.fill_randomly();
  const at::Tensor tokens = random({1, 1, 2, 5, 6}, 1);
  const at::Tensor first = mlp->forward({tokens.narrow(2, 0, 1), 2, 2, 1});
  const at::Tensor second = mlp->forward({tokens.narrow(2, 1, 1), 2, 2, 1});
  EXPECT_TRUE(near(mlp->forward({tokens, 2, 2, 1}), (first + second) / 2));
}

/// Loads `depth` layers that have these names in a file, after `prefix`.
std::string load_named(int64_t depth, const std::string& prefix, const std::string& naming,
                       const std::vector<std::string>& names) {
  const test::Scratch folder;
  Built<Resampler> mlp("{type: mlp, depth: " + std::to_string(depth) + "}", kSmall);
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (size_t i = 0; i < names.size(); ++i) {
    tensors.emplace_back(prefix + names[i] + "weight", random({10, i == 0 ? 6 : 10}, i));
    tensors.emplace_back(prefix + names[i] + "bias", random({10}, 10 + i));
  }
  write_safetensors(folder / "projector.safetensors", tensors);
  return error_of([&] {
    mlp.load({{(folder / "projector.safetensors").string(), {{prefix, Resampler::kKind, naming}}, {}, {}}});
    for (size_t i = 0; i < names.size(); ++i) {
      const std::string layer = "layers." + std::to_string(i) + ".";
      EXPECT_TRUE(near(mlp.weight(layer + "weight"), tensors[2 * i].second)) << naming;
      EXPECT_TRUE(near(mlp.weight(layer + "bias"), tensors[2 * i + 1].second)) << naming;
    }
  });
}

TEST(Mlp, reads_llavas_and_hugging_faces_names) {
  EXPECT_EQ(load_named(2, "multi_modal_projector.", "huggingface", {"linear_1.", "linear_2."}), "");
  EXPECT_EQ(load_named(2, "model.mm_projector.", "llava", {"0.", "2."}), "");
  EXPECT_EQ(load_named(3, "model.mm_projector.", "llava", {"0.", "2.", "4."}), "");
  EXPECT_EQ(load_named(1, "model.mm_projector.", "llava", {""}), "");
  EXPECT_THAT(load_named(2, "model.mm_projector.", "llava", {"0.", "1."}),
              HasSubstr("model.mm_projector.1.weight"));
}

TEST(Mlp, runs_on_meta) {
  Built<Resampler> mlp("{type: mlp}", {{1024, 24, 24, 1}, 4096});
  EXPECT_EQ(mlp.store.parameter_count(), 20979712);  // LLaVA-1.5-7B's
  FlopScope flops;
  const at::Tensor tokens = at::empty({1, 2, 1, 577, 1024}, at::kMeta);
  EXPECT_EQ(mlp->forward({tokens, 24, 24, 1}).sizes(), at::IntArrayRef({1, 2, 576, 4096}));
  EXPECT_EQ(flops.flops(), int64_t{2} * 2 * 576 * (1024 * 4096 + 4096 * 4096));
}

TEST(Mlp, gradients_reach_every_weight) {
  Built<Resampler> mlp("{type: mlp, depth: 3, hidden_size: 7}", kSmall);
  mlp.fill_randomly();
  mlp.want_gradients();
  mlp->forward({random({1, 1, 2, 5, 6}, 1), 2, 2, 1}).square().sum().backward();
  mlp.expect_gradients();
}

}  // namespace
}  // namespace flam
