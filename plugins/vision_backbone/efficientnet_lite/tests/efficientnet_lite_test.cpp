#include <gmock/gmock.h>

#include "tests/support/golden_backbone.h"

namespace flam {
namespace {

using testing::HasSubstr;

TEST(EfficientnetLite, gives_what_timm_gives) {
  expect_golden_backbone("efficientnet_lite_timm");  // features before and after the head, and odd sides
}

TEST(EfficientnetLite, gives_what_efficientnet_lite_pytorch_gives) {
  expect_golden_backbone("efficientnet_lite_pytorch");  // its blocks are counted through all stages
}

TEST(EfficientnetLite, has_the_published_sizes) {
  struct Case {
    const char* params;
    int64_t parameters;  // timm's, without classifier
    int64_t width, side;
  };
  for (const Case& c :
       {Case{"", 3371008, 320, 7}, Case{"depth_multiplier: 1.1, image_size: 240, ", 4135680, 320, 8},
        Case{"width_multiplier: 1.1, depth_multiplier: 1.2, image_size: 260, ", 4811072, 352, 9},
        Case{"width_multiplier: 1.2, depth_multiplier: 1.4, image_size: 300, ", 6916096, 384, 10},
        Case{"width_multiplier: 1.4, depth_multiplier: 1.8, image_size: 380, ", 11725568, 448, 12}}) {
    Built<VisionBackbone> with_head(cat("{type: efficientnet_lite, ", c.params, "conv_head: true}"));
    EXPECT_EQ(with_head.store.parameter_count(), c.parameters) << c.params;
    EXPECT_EQ(with_head->shape().width, 1280);
    Built<VisionBackbone> bare(cat("{type: efficientnet_lite, ", c.params, "conv_head: false}"));
    EXPECT_EQ(bare.store.parameter_count(), c.parameters - 1280 * (c.width + 2)) << c.params;
    EXPECT_EQ(bare->shape().width, c.width) << c.params;
    EXPECT_EQ(bare->shape().grid_h, c.side) << c.params;
  }
}

TEST(EfficientnetLite, counts_its_convolutions) {
  Built<VisionBackbone> lite0("{type: efficientnet_lite, conv_head: true}");
  EXPECT_EQ(flops_of_one_picture(*lite0), 767815104);  // torch.utils.flop_counter over timm's
}

TEST(EfficientnetLite, gradients_reach_every_weight_but_the_statistics) {
  Built<VisionBackbone> lite(
      "{type: efficientnet_lite, width_multiplier: 0.1, depth_multiplier: 0.6, conv_head: true, image_size: "
      "33}");
  lite.fill_randomly();
  lite.want_gradients();
  lite->forward(random({2, 3, 33, 33}, 1)).tokens.square().sum().backward();
  lite.expect_gradients();
}

TEST(EfficientnetLite, refuses_what_does_not_fit) {
  Built<VisionBackbone> lite0("{type: efficientnet_lite}");
  EXPECT_THAT(refusal([&] {
                lite0->forward(at::zeros({1, 3, 256, 256}));
              }),
              HasSubstr("efficientnet_lite takes pictures [N,3,224,224], found [1, 3, 256, 256]"));
  EXPECT_THAT(refusal([] { Built<VisionBackbone>{"{type: efficientnet_lite, width_multiplier: 0}"}; }),
              HasSubstr("width_multiplier"));
}

}  // namespace
}  // namespace flam
