#pragma once
// Vision backbones beside what their own libraries computed: the files of tests/golden/backbones, described
// in dump_backbones.py there.
#include <ATen/core/grad_mode.h>

#include "framework/base/text.h"
#include "framework/component/vision_backbone.h"
#include "framework/device/device.h"
#include "framework/nn/flops.h"
#include "tests/support/component.h"
#include "tests/support/test_device.h"

namespace flam {

/// Every case of tests/golden/backbones/NAME.safetensors: the naming table loads the library's keys, the
/// tokens are the library's, pictures don't depend on their neighbours, and bfloat16 stays near.
inline void expect_golden_backbone(const std::string& name) {
  const at::NoGradGuard no_grad;
  const auto file = golden_dir() / "backbones" / (name + ".safetensors");
  const auto golden = open_checkpoint(file);
  const auto metadata = golden->metadata();
  int cases = 0;
  for (; metadata.contains(cat("case.", cases)); ++cases) {
    const std::string params = metadata.at(cat("case.", cases));
    SCOPED_TRACE(cat(name, ": ", params));
    Built<VisionBackbone> backbone(params);
    backbone.load({{file.string(),
                    {{metadata.at("prefix"), VisionBackbone::kKind, metadata.at("naming")}},
                    {"golden.*", metadata.at("ignore")},
                    {}}});
    const at::Device device = resolve_device(test::device());
    backbone.store.to(device, at::kFloat);
    const at::Tensor pixels = golden->tensor(cat("golden.", cases, ".pixels")).to(device);
    const at::Tensor expected = golden->tensor(cat("golden.", cases, ".tokens"));
    const Features features = backbone->forward(pixels);
    EXPECT_TRUE(near(features.tokens.cpu(), expected, kGoldenTolerance));

    const FeatureShape shape = backbone->shape();
    EXPECT_EQ(expected.sizes().slice(1), at::IntArrayRef({shape.tokens(), shape.width}));
    EXPECT_EQ(features.grid_h, shape.grid_h);
    EXPECT_EQ(features.grid_w, shape.grid_w);
    EXPECT_EQ(features.prefix_tokens, shape.prefix_tokens);
    for (int64_t i = 0; i < pixels.size(0); ++i) {
      EXPECT_TRUE(near(backbone->forward(pixels.narrow(0, i, 1)).tokens.cpu(),
                       features.tokens.narrow(0, i, 1).cpu()));
    }
    backbone.store.to(device, at::kBFloat16);
    const at::Tensor half = backbone->forward(pixels.to(at::kBFloat16)).tokens;
    EXPECT_EQ(half.scalar_type(), at::kBFloat16);
    EXPECT_TRUE(near(half.cpu(), expected, 0.05));
  }
  EXPECT_GT(cases, 0) << file << " describes no case";
}

/// What a forward of one picture costs, counted on the meta device.
inline int64_t flops_of_one_picture(const VisionBackbone& backbone) {
  const FlopScope flops;
  const int64_t side = backbone.image_size();
  EXPECT_EQ(backbone.forward(at::empty({1, 3, side, side}, at::kMeta)).tokens.sizes(),
            at::IntArrayRef({1, backbone.shape().tokens(), backbone.shape().width}));
  return flops.flops();
}

/// The message with which `parameters` or `pixels` are refused; "" if they are not.
template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace flam
