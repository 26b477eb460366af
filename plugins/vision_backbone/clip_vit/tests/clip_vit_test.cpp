#include <ATen/core/grad_mode.h>

#include "framework/component/vision_backbone.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"

namespace flam {
namespace {

const std::string kSmall =
    "{type: clip_vit, image_size: 12, patch_size: 4, hidden_size: 8, num_layers: 2, num_heads: 2, "
    "intermediate_size: 16";

TEST(ClipVit, gives_the_announced_shape) {
  struct Case {
    const char* more;
    int64_t prefix;
  };
  for (const Case& c :
       {Case{"}", 0}, Case{", output_class_token: true}", 1}, Case{", class_token: false}", 0},
        Case{", pre_norm: false, final_norm: true, activation: gelu}", 0}}) {
    Built<VisionBackbone> vit(kSmall + c.more);
    vit.fill_randomly();
    const FeatureShape shape = vit->shape();
    EXPECT_EQ(shape.prefix_tokens, c.prefix) << c.more;
    EXPECT_EQ(shape.tokens(), 9 + c.prefix);
    EXPECT_EQ(shape.width, 8);
    EXPECT_EQ(vit->image_size(), 12);
    const Features features = vit->forward(random({2, 3, 12, 12}, 1));
    EXPECT_EQ(features.tokens.sizes(), at::IntArrayRef({2, 9 + c.prefix, 8}));
    EXPECT_EQ(features.prefix_tokens, c.prefix);
    EXPECT_EQ(features.grid_h * features.grid_w, 9);
  }
}

TEST(ClipVit, cuts_patches_as_a_convolution_does) {
  Built<VisionBackbone> vit(
      "{type: clip_vit, image_size: 12, patch_size: 4, hidden_size: 8, num_layers: 0, num_heads: 2, "
      "class_token: false, "
      "pre_norm: false}");
  vit.fill_randomly();
  const at::Tensor pixels = random({2, 3, 12, 12}, 1);
  const at::Tensor expected =
      at::conv2d(pixels, vit.weight("patch_embedding.weight"), {}, 4).flatten(2).transpose(1, 2) +
      vit.weight("position_embedding");
  EXPECT_TRUE(near(vit->forward(pixels).tokens, expected));
}

TEST(ClipVit, final_norm_is_applied_last) {
  Built<VisionBackbone> bare(kSmall + "}"), normed(kSmall + ", final_norm: true}");
  bare.fill_randomly();
  normed.fill_randomly();
  for (const auto& slot : bare.store.slots()) normed.store.find(slot->name)->tensor = slot->tensor;
  const at::Tensor pixels = random({2, 3, 12, 12}, 1);
  EXPECT_TRUE(near(normed->forward(pixels).tokens,
                   at::layer_norm(bare->forward(pixels).tokens, {8}, normed.weight("final_norm.weight"),
                                  normed.weight("final_norm.bias"))));
}

TEST(ClipVit, pixels_beyond_the_last_whole_patch_are_ignored) {
  Built<VisionBackbone> exact(kSmall + "}"),
      wider(
          "{type: clip_vit, image_size: 15, patch_size: 4, hidden_size: 8, num_layers: 2, num_heads: 2, "
          "intermediate_size: 16}");
  exact.fill_randomly();
  wider.fill_randomly();
  const at::Tensor pixels = random({2, 3, 15, 15}, 1);
  EXPECT_EQ(wider->shape().tokens(), 9);
  EXPECT_TRUE(at::equal(wider->forward(pixels).tokens,
                        exact->forward(pixels.narrow(2, 0, 12).narrow(3, 0, 12)).tokens));
}

TEST(ClipVit, features_of_an_earlier_block_need_no_later_blocks) {
  Built<VisionBackbone> all(kSmall + "}"), first(kSmall + ", feature_layer: -2}"),
      none(kSmall + ", feature_layer: -3}");
  Built<VisionBackbone> one(
      "{type: clip_vit, image_size: 12, patch_size: 4, hidden_size: 8, num_layers: 1, num_heads: 2, "
      "intermediate_size: 16}");
  EXPECT_TRUE(first.store.find("vision_backbone.layers.0.ln1.weight"));
  EXPECT_FALSE(first.store.find("vision_backbone.layers.1.ln1.weight"));
  EXPECT_FALSE(none.store.find("vision_backbone.layers.0.ln1.weight"));
  first.fill_randomly();
  one.fill_randomly();
  const at::Tensor pixels = random({2, 3, 12, 12}, 1);
  EXPECT_TRUE(at::equal(first->forward(pixels).tokens, one->forward(pixels).tokens));
  Built<VisionBackbone> counted(kSmall + ", feature_layer: 1}");  // the first of two blocks
  EXPECT_FALSE(counted.store.find("vision_backbone.layers.1.ln1.weight"));
  counted.fill_randomly();
  EXPECT_TRUE(at::equal(counted->forward(pixels).tokens, one->forward(pixels).tokens));
  for (const NamingTable& table : first->naming_tables()) {
    const std::string blocks = table.name == "huggingface"  ? "encoder.layers."
                               : table.name == "mmpretrain" ? "layers."
                                                            : "transformer.resblocks.";
    NameMatch match;
    ASSERT_TRUE(match_name(table, blocks + "1.odd.weight", match)) << table.name;
    EXPECT_EQ(match.to, "") << table.name;
    const char* qkv = table.name == "huggingface"  ? "0.self_attn.q_proj.weight"
                      : table.name == "mmpretrain" ? "0.attn.qkv.weight"
                                                   : "0.attn.in_proj_weight";
    ASSERT_TRUE(match_name(table, blocks + qkv, match)) << table.name;
    EXPECT_EQ(match.to, "layers.0.attn.qkv.weight") << table.name;
  }
}

TEST(ClipVit, the_large_model_has_the_published_size) {
  Built<VisionBackbone> vit("{type: clip_vit}");
  EXPECT_EQ(vit.store.parameter_count(), 303177728);
  FlopScope flops;
  EXPECT_EQ(vit->forward(at::empty({1, 3, 224, 224}, at::kMeta)).tokens.sizes(),
            at::IntArrayRef({1, 256, 1024}));
  EXPECT_GT(flops.flops(), 150e9);
  EXPECT_LT(flops.flops(), 170e9);
}

TEST(ClipVit, gradients_reach_every_weight_and_no_grad_gives_the_same) {
  Built<VisionBackbone> vit(kSmall + "}");
  vit.fill_randomly();
  vit.want_gradients();
  const at::Tensor pixels = random({2, 3, 12, 12}, 1);
  const at::Tensor tokens = vit->forward(pixels).tokens;
  tokens.square().sum().backward();
  vit.expect_gradients();
  const at::NoGradGuard no_grad;
  EXPECT_TRUE(near(vit->forward(pixels).tokens, tokens));
}

TEST(ClipVit, refuses_what_does_not_fit) {
  Built<VisionBackbone> vit(kSmall + "}");
  EXPECT_THROW(vit->forward(at::zeros({1, 3, 16, 16})), Error);
  for (const char* wrong :
       {"{type: clip_vit, image_size: 3, patch_size: 4}", "{type: clip_vit, num_heads: 7}",
        "{type: clip_vit, num_layers: 2, feature_layer: -4}",
        "{type: clip_vit, num_layers: 2, feature_layer: 3}",
        "{type: clip_vit, class_token: false, output_class_token: true}"}) {
    EXPECT_THROW(Built<VisionBackbone>{wrong}, Error) << wrong;
  }
}

}  // namespace
}  // namespace flam
