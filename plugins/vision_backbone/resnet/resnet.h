#pragma once
#include "framework/sdk.h"

namespace flam {

/// Defaults: ResNet-50 at 224. 18: basic, [2, 2, 2, 2]; 34: basic, [3, 4, 6, 3]; 101: [3, 4, 23, 3]; 152:
/// [3, 8, 36, 3].
struct ResnetParams {
  enum class Block { basic, bottleneck };

  int64_t image_size = 224;
  Block block = Block::bottleneck;
  std::vector<int64_t> depths = {3, 4, 6, 3};
  int64_t stem_width = 64;
  int64_t width = 64;
  int64_t groups = 1;
  int64_t group_width = 64;
  int64_t out_stage = 4;
  double batch_norm_eps = 1e-5;

  void visit(ParamVisitor& v);
};

/// relu(x + f(x)), where f is two 3×3 convolutions (basic) or 1×1, 3×3, 1×1 (bottleneck). The first block of
/// a stage has its stride in the 3×3 convolution, and a 1×1 convolution on the shortcut.
class ResidualBlock {
 public:
  struct Shape {
    bool bottleneck;
    int64_t in, inner, out, stride, groups;
  };
  ResidualBlock(const WeightScope& weights, const Shape& shape, double eps);
  at::Tensor operator()(const at::Tensor& x) const;  // [N,in,H,W] → [N,out,⌈H/stride⌉,⌈W/stride⌉]

 private:
  std::vector<ConvNorm> convolutions_;  // conv1, conv2, conv3
  std::optional<ConvNorm> shortcut_;
};

/// pixels [N,3,S,S] → tokens [N,P,D]: the cells of the feature map of one stage, row by row. After the stem
/// and stage k the map's side is S / 2^(k+1), rounded up at every halving.
class Resnet final : public VisionBackbone {
 public:
  Resnet(const ResnetParams& params, const Input&, WeightScope& weights);

  int64_t image_size() const override { return image_size_; }
  FeatureShape shape() const override { return {width_, side_, side_, 0}; }
  Features forward(const at::Tensor& pixels) const override;
  const std::vector<NamingTable>& naming_tables() const override { return tables_; }

 private:
  int64_t image_size_, width_ = 0, side_;
  ConvNorm stem_;
  std::vector<ResidualBlock> blocks_;
  std::vector<NamingTable> tables_;
};

/// The tensor names of torchvision, timm and Hugging Face. Stages after out_stage are known and skipped.
std::vector<NamingTable> resnet_naming_tables(const ResnetParams& params);

}  // namespace flam
