#include "framework/component/resampler.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"

namespace flam {
namespace {

ResamplerInput features_of(int64_t width, int64_t side) {
  return {{width, side, side, 0}, width};
}
const std::string kSmall = "{type: perceiver, depth: 2, num_latents: 3, num_heads: 2, dim_head: 4";

TEST(Perceiver, equals_open_flamingo_with_frames_and_media_time) {
  const std::filesystem::path file = FLAM_SOURCE_DIR "/tests/golden/v2_tiny/perceiver_frames.safetensors";
  const auto dump = open_checkpoint(file);
  Built<Resampler> perceiver(
      "{type: perceiver, depth: 2, num_latents: 7, num_heads: 4, dim_head: 12, max_num_frames: 4, "
      "max_num_media: 5}",
      features_of(32, 3));
  perceiver.load({{file.string(), {{"param.", Resampler::kKind, ""}}, {"x_*", "out_*"}, {}}});
  for (const std::string name : {"a", "b", "c"}) {
    const Features features{dump->tensor("x_" + name), 3, 3, 0};
    EXPECT_TRUE(near(perceiver->forward(features), dump->tensor("out_" + name), kGoldenTolerance)) << name;
  }
}

TEST(Perceiver, gives_the_announced_shape_and_keeps_images_separate) {
  Built<Resampler> perceiver(kSmall + "}", features_of(6, 2));
  perceiver.fill_randomly();
  EXPECT_EQ(perceiver->shape().tokens, 3);
  EXPECT_EQ(perceiver->shape().width, 6);
  const at::Tensor tokens = random({2, 3, 1, 4, 6}, 1);
  const at::Tensor all = perceiver->forward({tokens, 2, 2, 0});
  EXPECT_EQ(all.sizes(), at::IntArrayRef({2, 3, 3, 6}));
  const at::Tensor one = perceiver->forward({tokens.narrow(0, 1, 1).narrow(1, 2, 1), 2, 2, 0});
  EXPECT_TRUE(near(one[0][0], all[1][2]));
}

TEST(Perceiver, too_many_frames_or_images_are_an_error) {
  Built<Resampler> perceiver(kSmall + ", max_num_frames: 2, max_num_media: 1}", features_of(6, 2));
  perceiver.fill_randomly();
  EXPECT_NO_THROW(perceiver->forward({random({1, 1, 2, 4, 6}, 1), 2, 2, 0}));
  EXPECT_THROW(perceiver->forward({random({1, 1, 3, 4, 6}, 1), 2, 2, 0}), Error);
  EXPECT_THROW(perceiver->forward({random({1, 2, 1, 4, 6}, 1), 2, 2, 0}), Error);
}

TEST(Perceiver, the_published_one_has_its_size_and_runs_on_meta) {
  Built<Resampler> perceiver("{type: perceiver}", features_of(1024, 16));
  EXPECT_EQ(perceiver.store.parameter_count(), 63019008);
  FlopScope flops;
  const at::Tensor tokens = at::empty({1, 1, 1, 256, 1024}, at::kMeta);
  EXPECT_EQ(perceiver->forward({tokens, 16, 16, 0}).sizes(), at::IntArrayRef({1, 1, 64, 1024}));
  EXPECT_GT(flops.flops(), 0);
}

TEST(Perceiver, records_each_latents_attention_with_a_probe) {
  Built<Resampler> perceiver(kSmall + "}", features_of(6, 2));
  perceiver.fill_randomly();
  AttentionProbe probe;
  perceiver->forward({random({1, 2, 1, 4, 6}, 1), 2, 2, 0, &probe});
  for (const char* layer : {"resampler_attention0", "resampler_attention1"}) {
    ASSERT_EQ(probe.weights.at(layer).sizes(), at::IntArrayRef({2, 2, 3, 4 + 3}));
    EXPECT_TRUE(near(probe.weights.at(layer).sum(-1), at::ones({2, 2, 3})));
  }
}

TEST(Perceiver, gradients_reach_every_weight) {
  Built<Resampler> perceiver(kSmall + ", max_num_frames: 2, max_num_media: 1}", features_of(6, 2));
  perceiver.fill_randomly();
  perceiver.want_gradients();
  perceiver->forward({random({1, 1, 2, 4, 6}, 1), 2, 2, 0}).square().sum().backward();
  perceiver.expect_gradients();
}

}  // namespace
}  // namespace flam
