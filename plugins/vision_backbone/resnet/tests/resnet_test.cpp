#include <gmock/gmock.h>

#include "tests/support/golden_backbone.h"

namespace flam {
namespace {

using testing::HasSubstr;

const std::string kSmall =
    "{type: resnet, depths: [1, 2], stem_width: 4, width: 4, out_stage: 2, image_size: 17";

TEST(Resnet, gives_what_torchvision_timm_and_hugging_face_give) {
  // Covers both blocks, groups, odd sides and the feature map of an earlier stage.
  for (const char* name : {"resnet_torchvision_basic", "resnet_torchvision_bottleneck", "resnet_timm",
                           "resnet_huggingface_basic", "resnet_huggingface_bottleneck"}) {
    expect_golden_backbone(name);
  }
}

TEST(Resnet, has_the_published_sizes) {
  struct Case {
    const char* params;
    int64_t parameters;  // torchvision's, without fc
    int64_t width;
  };
  for (const Case& c : {Case{"block: basic, depths: [2, 2, 2, 2]", 11176512, 512},
                        Case{"block: basic, depths: [3, 4, 6, 3]", 21284672, 512},
                        Case{"block: bottleneck, depths: [3, 4, 6, 3]", 23508032, 2048},
                        Case{"block: bottleneck, depths: [3, 4, 23, 3]", 42500160, 2048},
                        Case{"block: bottleneck, depths: [3, 8, 36, 3]", 58143808, 2048},
                        Case{"block: bottleneck, group_width: 128", 66834240, 2048},
                        Case{"block: bottleneck, groups: 32, group_width: 4", 22979904, 2048}}) {
    Built<VisionBackbone> resnet(cat("{type: resnet, ", c.params, "}"));
    EXPECT_EQ(resnet.store.parameter_count(), c.parameters) << c.params;
    EXPECT_EQ(resnet->shape().width, c.width) << c.params;
    EXPECT_EQ(resnet->shape().tokens(), 49) << c.params;
  }
}

TEST(Resnet, counts_its_convolutions) {
  Built<VisionBackbone> fifty("{type: resnet}");
  // torchvision gives 4.09 G multiply-adds, including 2 M of its classifier.
  EXPECT_EQ(flops_of_one_picture(*fifty), 2 * (int64_t{4089184256} - 2048 * 1000));
}

TEST(Resnet, statistics_are_neither_parameters_nor_trained) {
  Built<VisionBackbone> resnet(kSmall + "}");
  resnet.fill_randomly();
  resnet.want_gradients();
  const at::Tensor mean = resnet.weight("stem.norm.running_mean").clone();
  resnet->forward(random({2, 3, 17, 17}, 1)).tokens.square().sum().backward();
  resnet.expect_gradients();
  EXPECT_TRUE(resnet.store.find("vision_backbone.stem.norm.running_mean")->statistic);
  EXPECT_FALSE(resnet.weight("stem.norm.running_var").requires_grad());
  EXPECT_TRUE(at::equal(resnet.weight("stem.norm.running_mean"), mean));
}

TEST(Resnet, refuses_what_does_not_fit) {
  Built<VisionBackbone> resnet(kSmall + "}");
  EXPECT_THAT(refusal([&] {
                resnet->forward(at::zeros({1, 3, 16, 16}));
              }),
              HasSubstr("resnet takes pictures [N,3,17,17], found [1, 3, 16, 16]"));
  struct Case {
    const char *params, *message;
  };
  for (const Case& c : {Case{"depths: []", "'depths' must have 1 to 8 stages, found 0"},
                        Case{"depths: [1, 0, 1, 1]", "'depths' has 0 blocks in a stage"},
                        Case{"depths: [1, 1]", "out_stage 4 is not among the 2 stages"},
                        Case{"block: basic, groups: 2", "basic blocks have no groups"},
                        Case{"width: 4, group_width: 8", "is less than one channel"}}) {
    EXPECT_THAT(refusal([&] { Built<VisionBackbone>{cat("{type: resnet, ", c.params, "}")}; }),
                HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace flam
