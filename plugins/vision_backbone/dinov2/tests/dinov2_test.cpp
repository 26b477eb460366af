#include <gmock/gmock.h>

#include "tests/support/golden_backbone.h"

namespace flam {
namespace {

using testing::HasSubstr;

const std::string kSmall =
    "{type: dinov2, hidden_size: 8, num_layers: 2, num_heads: 2, intermediate_size: 12, patch_size: 4, "
    "image_size: 8";

TEST(Dinov2, gives_what_hugging_face_and_timm_give) {
  // Includes resized position embeddings, registers and the gated feed-forward.
  for (const char* name :
       {"dinov2_huggingface", "dinov2_registers_huggingface", "dinov2_timm", "dinov2_registers_timm"}) {
    expect_golden_backbone(name);
  }
}

TEST(Dinov2, loads_the_original_files) {
  expect_golden_backbone("dinov2_facebook");
  expect_golden_backbone("dinov2_registers_facebook");
}

TEST(Dinov2, has_the_published_sizes) {
  struct Case {
    const char* params;
    int64_t parameters;  // of Dinov2Model and Dinov2WithRegistersModel
    int64_t width;
  };
  for (const Case& c :
       {Case{"hidden_size: 384, num_heads: 6, intermediate_size: 1536", 22056576, 384},
        Case{"hidden_size: 768", 86580480, 768}, Case{"num_register_tokens: 4", 86583552, 768},
        Case{"hidden_size: 1024, num_layers: 24, num_heads: 16, intermediate_size: 4096", 304368640, 1024},
        Case{"hidden_size: 1536, num_layers: 40, num_heads: 24, intermediate_size: 4096, swiglu: true",
             1136480768, 1536}}) {
    Built<VisionBackbone> dinov2(cat("{type: dinov2, ", c.params, "}"));
    // The library's count includes the mask token of pretraining.
    EXPECT_EQ(dinov2.store.parameter_count(), c.parameters - c.width) << c.params;
  }
}

TEST(Dinov2, counts_what_it_computes) {
  Built<VisionBackbone> base("{type: dinov2, image_size: 224, position_image_size: 518}");
  const double matrices = 12.0 * 768 * (4 * 768 + 2 * 3072);
  EXPECT_EQ(flops_of_one_picture(*base),
            2 * (257 * matrices + 256.0 * 588 * 768) + 12 * 4.0 * 257 * 257 * 768);
}

TEST(Dinov2, prefix_tokens_can_be_left_out) {
  const std::string registers = kSmall + ", num_register_tokens: 3";
  Built<VisionBackbone> whole(registers + "}"), patches(registers + ", output_prefix_tokens: false}");
  whole.fill_randomly();
  patches.fill_randomly();
  EXPECT_EQ(whole->shape().prefix_tokens, 4);
  EXPECT_EQ(patches->shape().prefix_tokens, 0);
  const at::Tensor pixels = random({2, 3, 8, 8}, 1);
  const Features features = patches->forward(pixels);
  EXPECT_EQ(features.prefix_tokens, 0);
  EXPECT_TRUE(near(features.tokens, whole->forward(pixels).tokens.narrow(1, 4, 4)));
}

TEST(Dinov2, gradients_reach_every_weight) {
  for (const char* more : {"}", ", num_register_tokens: 2, swiglu: true, class_position: false}",
                           ", position_image_size: 12, position_interpolation: antialiased}",
                           ", position_image_size: 12, layer_scale: false, final_norm: false}"}) {
    Built<VisionBackbone> dinov2(kSmall + more);
    dinov2.fill_randomly();
    dinov2.want_gradients();
    dinov2->forward(random({2, 3, 8, 8}, 1)).tokens.square().sum().backward();
    dinov2.expect_gradients();
  }
}

TEST(Dinov2, refuses_what_does_not_fit) {
  Built<VisionBackbone> dinov2(kSmall + "}");
  EXPECT_THAT(refusal([&] {
                dinov2->forward(at::zeros({1, 3, 12, 12}));
              }),
              HasSubstr("dinov2 takes pictures [N,3,8,8], found [1, 3, 12, 12]"));
  EXPECT_THAT(refusal([] { Built<VisionBackbone>{"{type: dinov2, image_size: 225}"}; }),
              HasSubstr("image_size 225 is not a multiple of patch_size 14"));
  EXPECT_THAT(refusal([] { Built<VisionBackbone>{kSmall + ", position_image_size: 9}"}; }),
              HasSubstr("position_image_size 9 is not a multiple of patch_size 4"));
}

}  // namespace
}  // namespace flam
