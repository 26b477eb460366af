#pragma once
// Convolutions with declared weights.

#include <string>

#include "framework/weights/weight_store.h"

namespace flam {

struct ConvOptions {
  int64_t kernel = 1, stride = 1, padding = 0, dilation = 1, groups = 1;  // the same along each side
  bool bias = true;
};

/// Cross-correlation (torch.nn.Conv1d): NAME.weight [out,in/groups,k] and NAME.bias [out]. The weight begins
/// with He et al.'s normal values for the outputs' fan (2015, equation 14), the bias with zeros.
///
///   Conv1d conv(weights, "conv", 80, 384, {.kernel = 3, .padding = 1});
///   conv(x);  // [N,80,L] → [N,384,L]
///
/// Error: groups do not divide the channels. Its multiply-adds count in a FlopScope.
class FLAM_API Conv1d {
 public:
  Conv1d() = default;
  Conv1d(const WeightScope& weights, const std::string& name, int64_t in, int64_t out, ConvOptions options);
  /// [N,in,L] → [N,out,⌊(L + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1]
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ConvOptions options_;
  Weight weight_, bias_;
};

/// As Conv1d, over two sides with square kernels (torch.nn.Conv2d): NAME.weight [out,in/groups,k,k]. ConvNorm
/// is a convolution followed by a batch norm.
///
///   Conv2d depthwise(weights, "dwconv", 96, 96, {.kernel = 7, .padding = 3, .groups = 96});
///   depthwise(x);  // [N,96,H,W] → [N,96,H,W]
class FLAM_API Conv2d {
 public:
  Conv2d() = default;
  Conv2d(const WeightScope& weights, const std::string& name, int64_t in, int64_t out, ConvOptions options);
  /// [N,in,H,W] → [N,out,H',W'], each side as in Conv1d.
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ConvOptions options_;
  Weight weight_, bias_;
};

}  // namespace flam
