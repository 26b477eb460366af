// Residual networks (He et al. 2015; with the stride in the 3×3 convolution, as in torchvision and all
// published weights), wide ones (Zagoruyko and Komodakis 2016) and grouped ones (Xie et al. 2017).
#include "plugins/vision_backbone/resnet/resnet.h"

#include <ATen/ops/max_pool2d.h>

#include <algorithm>

namespace flam {

void ResnetParams::visit(ParamVisitor& v) {
  v("image_size", image_size, "height and width of the pictures, pixels", between(1, kMostOfASize));
  v("block", block, "basic: two 3×3 convolutions; bottleneck: a 3×3 convolution between two 1×1 convolutions",
    choices("basic", "bottleneck"));
  v("depths", depths, "number of blocks in each stage");
  v("stem_width", stem_width, "channels after the first convolution", between(1, kMostOfASize));
  v("width", width, "channels of the first stage's 3×3 convolutions; each following stage doubles them",
    between(1, kMostOfASize));
  v("groups", groups, "groups of a bottleneck's 3×3 convolution; 32 in ResNeXt-50 32x4d", between(1, 4096));
  v("group_width", group_width,
    "multiplies a bottleneck's inner width by groups · group_width / 64; 4 in ResNeXt-50 32x4d, 128 in wide "
    "ResNets",
    between(1, 4096));
  v("out_stage", out_stage,
    "the stage, counted from 1, whose feature map is used; later stages are not built", between(1, 8));
  v("batch_norm_eps", batch_norm_eps, "added to the variance in every norm", more_than(0));
}

namespace {

constexpr int64_t kExpansion = 4;  // ratio of a bottleneck's output channels to its inner channels

/// Channels of the 3×3 convolutions of stage `i`, from 0.
int64_t inner_width(const ResnetParams& p, size_t i) {
  const int64_t planes = p.width << i;
  return p.block == ResnetParams::Block::basic ? planes : planes * p.group_width / 64 * p.groups;
}

void check(const ResnetParams& p) {
  if (p.depths.empty() || p.depths.size() > 8)
    throw Error(cat("'depths' must have 1 to 8 stages, found ", p.depths.size()));
  for (const int64_t depth : p.depths) {
    if (depth < 1 || depth > 10000)
      throw Error(cat("'depths' has ", depth, " blocks in a stage, expected 1 to 10000"));
  }
  if (p.out_stage > std::ssize(p.depths))
    throw Error(cat("out_stage ", p.out_stage, " is not among the ", p.depths.size(), " stages of 'depths'"));
  if (p.block == ResnetParams::Block::basic && (p.groups != 1 || p.group_width != 64))
    throw Error("'groups' and 'group_width' need block: bottleneck, because basic blocks have no groups");
  if (inner_width(p, 0) < 1)
    throw Error(cat("width ", p.width, " · group_width ", p.group_width, " / 64 is less than one channel"));
}

}  // namespace

ResidualBlock::ResidualBlock(const WeightScope& weights, const Shape& s, double eps) {
  const auto add = [&](const ConvShape& shape) {
    convolutions_.emplace_back(weights, cat("conv", convolutions_.size() + 1), shape, eps);
  };
  if (s.bottleneck) {
    add({s.in, s.inner});
    add({s.inner, s.inner, 3, s.stride, s.groups});
    add({s.inner, s.out});
  } else {
    add({s.in, s.inner, 3, s.stride});
    add({s.inner, s.out, 3});
  }
  if (s.stride != 1 || s.in != s.out)
    shortcut_.emplace(weights, "shortcut", ConvShape{s.in, s.out, 1, s.stride}, eps);
}

at::Tensor ResidualBlock::operator()(const at::Tensor& x) const {
  at::Tensor branch = x;
  for (size_t i = 0; i < convolutions_.size(); ++i) {
    if (i > 0) branch = activate(branch, Activation::relu);
    branch = convolutions_[i](branch);
  }
  return activate(add_residual(shortcut_ ? (*shortcut_)(x) : x, branch), Activation::relu);
}

Resnet::Resnet(const ResnetParams& params, const Input&, WeightScope& weights)
    : image_size_(params.image_size),
      stem_(weights, "stem", {3, params.stem_width, 7, 2}, params.batch_norm_eps),
      tables_(resnet_naming_tables(params)) {
  check(params);
  const bool bottleneck = params.block == ResnetParams::Block::bottleneck;
  const auto halved = [](int64_t side) { return (side + 1) / 2; };
  side_ = halved(halved(image_size_));
  width_ = params.stem_width;
  for (size_t stage = 0; stage < static_cast<size_t>(params.out_stage); ++stage) {
    const int64_t out = (params.width << stage) * (bottleneck ? kExpansion : 1);
    for (int64_t i = 0; i < params.depths[stage]; ++i) {
      const int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      blocks_.emplace_back(
          weights / "stages" / static_cast<int64_t>(stage) / i,
          ResidualBlock::Shape{bottleneck, width_, inner_width(params, stage), out, stride, params.groups},
          params.batch_norm_eps);
      width_ = out;
    }
    if (stage > 0) side_ = halved(side_);
  }
}

Features Resnet::forward(const at::Tensor& pixels) const {
  check_pixels(pixels, image_size_, "resnet");
  at::Tensor x = at::max_pool2d(activate(stem_(pixels), Activation::relu), 3, 2, 1);
  for (const ResidualBlock& block : blocks_) x = block(x);
  return features_of_map(x);
}

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::Resnet, flam::ResnetParams>(
      "resnet", "residual convolutional network; the features are the cells of its feature map");
}
