#pragma once
// A layer of convolutional backbones: a convolution followed by a batch norm.

#include <string>

#include "framework/weights/weight_store.h"

namespace flam {

/// A square convolution. symmetric: (kernel − 1) / 2 zeros on every side (torchvision). same: as in
/// TensorFlow, the output's side is ⌈side / stride⌉, and an extra zero goes to the right and bottom.
struct FLAM_API ConvShape {
  enum class Padding { symmetric, same };

  int64_t in = 0, out = 0, kernel = 1, stride = 1, groups = 1;
  Padding padding = Padding::symmetric;

  int64_t output_side(int64_t side) const;
};

/// Convolution without bias, then batch norm. The norm uses its running statistics in training too, never
/// those of the batch: y = (conv(x) − mean) / √(var + eps) · weight + bias (Ioffe and Szegedy 2015, algorithm
/// 2). It is folded into the convolution at every call, in float32, so that gradients reach both.
/// Weights: NAME.weight [out,in/groups,k,k], NAME.norm.{weight, bias} and the statistics
/// NAME.norm.{running_mean, running_var}.
class FLAM_API ConvNorm {
 public:
  ConvNorm(const WeightScope& weights, const std::string& name, const ConvShape& shape, double eps = 1e-5);
  /// [N,in,H,W] → [N,out,H',W']
  at::Tensor operator()(const at::Tensor& x) const;
  const ConvShape& shape() const { return shape_; }

 private:
  ConvShape shape_;
  double eps_;
  Weight weight_, norm_weight_, norm_bias_, mean_, variance_;
};

}  // namespace flam
