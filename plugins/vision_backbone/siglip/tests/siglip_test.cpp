#include <gmock/gmock.h>

#include "tests/support/golden_backbone.h"

namespace flam {
namespace {

using testing::HasSubstr;

const std::string kSmall =
    "{type: siglip, hidden_size: 8, num_layers: 2, num_heads: 2, intermediate_size: 12, patch_size: 4";

TEST(Siglip, gives_what_hugging_face_and_timm_give) {
  expect_golden_backbone("siglip_huggingface");  // includes resized position embeddings
  expect_golden_backbone("siglip_timm");
}

TEST(Siglip, has_the_published_sizes) {
  Built<VisionBackbone> so400m("{type: siglip}");
  EXPECT_EQ(so400m.store.parameter_count(),
            412987248);  // SiglipVisionModel's 428,225,600 without its pooling head
  EXPECT_EQ(so400m->shape().tokens(), 729);
  // A multiply-add for each weight of a matrix and each token, and two for each pair of tokens and channel.
  const double matrices = 27.0 * 1152 * (4 * 1152 + 2 * 4304) + 588.0 * 1152;
  EXPECT_EQ(flops_of_one_picture(*so400m), 2 * 729 * matrices + 27 * 4.0 * 729 * 729 * 1152);

  Built<VisionBackbone> base(
      "{type: siglip, image_size: 224, patch_size: 16, hidden_size: 768, num_layers: 12, num_heads: 12, "
      "intermediate_size: 3072}");
  EXPECT_EQ(base.store.parameter_count(), 85797120);
}

TEST(Siglip, gradients_reach_every_weight) {
  for (const char* more : {", image_size: 8}", ", image_size: 8, position_image_size: 12}",
                           ", image_size: 12, position_image_size: 8, position_interpolation: antialiased}",
                           ", image_size: 12, position_image_size: 8, position_interpolation: buckets}"}) {
    Built<VisionBackbone> siglip(kSmall + more);
    siglip.fill_randomly();
    siglip.want_gradients();
    const int64_t side = siglip->image_size();
    siglip->forward(random({2, 3, side, side}, 1)).tokens.square().sum().backward();
    siglip.expect_gradients();
    EXPECT_GT(flops_of_one_picture(*Built<VisionBackbone>(kSmall + more)), 0);
  }
}

TEST(Siglip, buckets_give_a_whole_picture_the_plain_positions) {
  Built<VisionBackbone> plain(kSmall + ", image_size: 12}");
  Built<VisionBackbone> buckets(kSmall + ", image_size: 12, position_interpolation: buckets}");
  plain.fill_randomly();
  buckets.fill_randomly();
  const at::Tensor pixels = random({2, 3, 12, 12}, 1);
  EXPECT_TRUE(near(buckets->forward(pixels).tokens, plain->forward(pixels).tokens));
  VisionInput whole(pixels);
  whole.patch_mask = at::ones({2, 3, 3}, at::kBool);
  EXPECT_TRUE(near(buckets->encode(whole).tokens, plain->forward(pixels).tokens));
}

TEST(Siglip, padding_pixels_do_not_matter) {
  Built<VisionBackbone> siglip(kSmall + ", image_size: 12, position_interpolation: buckets}");
  siglip.fill_randomly();
  VisionInput input(random({2, 3, 12, 12}, 1));
  input.patch_mask = at::zeros({2, 3, 3}, at::kBool);
  input.patch_mask.narrow(1, 0, 2).narrow(2, 0, 1).fill_(true);
  const at::Tensor shown = at::index(siglip->encode(input).tokens, {input.patch_mask.flatten(1)});
  input.pixels.narrow(3, 4, 8).normal_();
  input.pixels.narrow(2, 8, 4).normal_();
  EXPECT_TRUE(near(at::index(siglip->encode(input).tokens, {input.patch_mask.flatten(1)}), shown));
}

TEST(Siglip, refuses_a_mask_that_it_cannot_use) {
  Built<VisionBackbone> plain(kSmall + ", image_size: 8}");
  Built<VisionBackbone> buckets(kSmall + ", image_size: 8, position_interpolation: buckets}");
  VisionInput input(at::zeros({1, 3, 8, 8}));
  input.patch_mask = at::ones({1, 2, 2}, at::kBool);
  EXPECT_THAT(refusal([&] { plain->encode(input); }), HasSubstr("takes pixels only"));
  input.tile_mask = at::ones({1, 1}, at::kBool);
  EXPECT_THAT(refusal([&] { buckets->encode(input); }), HasSubstr("takes pixels only"));
  input.tile_mask = at::Tensor();
  input.patch_mask = at::ones({1, 4}, at::kBool);
  EXPECT_THAT(refusal([&] { buckets->encode(input); }),
              HasSubstr("siglip takes a patch mask bool [1, 2, 2], found Bool [1, 4]"));
}

TEST(Siglip, final_norm_can_be_left_out) {
  Built<VisionBackbone> bare(kSmall + ", image_size: 8, final_norm: false}");
  Built<VisionBackbone> normed(kSmall + ", image_size: 8}");
  normed.fill_randomly();
  for (const auto& slot : bare.store.slots()) slot->tensor = normed.store.find(slot->name)->tensor;
  const at::Tensor pixels = random({2, 3, 8, 8}, 1);
  EXPECT_TRUE(near(normed->forward(pixels).tokens,
                   at::layer_norm(bare->forward(pixels).tokens, {8}, normed.weight("final_norm.weight"),
                                  normed.weight("final_norm.bias"), 1e-6)));
}

TEST(Siglip, refuses_what_does_not_fit) {
  Built<VisionBackbone> siglip(kSmall + ", image_size: 8}");
  EXPECT_THAT(refusal([&] {
                siglip->forward(at::zeros({1, 3, 12, 12}));
              }),
              HasSubstr("siglip takes pictures [N,3,8,8], found [1, 3, 12, 12]"));
  EXPECT_THAT(refusal([] { Built<VisionBackbone>{kSmall + ", image_size: 3}"}; }),
              HasSubstr("image_size 3 is smaller than one patch, patch_size 4"));
  EXPECT_THAT(refusal([] { Built<VisionBackbone>{kSmall + ", image_size: 8, position_image_size: 3}"}; }),
              HasSubstr("position_image_size 3 is smaller than one patch"));
  EXPECT_THAT(refusal([] { Built<VisionBackbone>{"{type: siglip, num_heads: 7}"}; }),
              HasSubstr("hidden_size 1152 is not a multiple of num_heads 7"));
}

TEST(Siglip, a_checkpoint_of_another_image_size_is_refused_with_its_shape) {
  const auto file = golden_dir() / "backbones" / "siglip_timm.safetensors";
  Built<VisionBackbone> siglip(
      "{type: siglip, hidden_size: 24, num_layers: 2, num_heads: 3, intermediate_size: 40, patch_size: 5, "
      "image_size: 30}");
  EXPECT_THAT(
      refusal([&] {
        siglip.load({{file.string(), {{"", VisionBackbone::kKind, "timm"}}, {"golden.*"}, {}}});
      }),
      HasSubstr("pos_embed is [1, 16, 24] in the file, vision_backbone.position_embedding is [36, 24] in"));
}

}  // namespace
}  // namespace flam
