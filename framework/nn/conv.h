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
/// Error: groups do not divide the channels.
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

struct ConvTransposeOptions {
  int64_t kernel = 1, stride = 1, padding = 0, output_padding = 0, dilation = 1, groups = 1;
  bool bias = true;
};

/// The transpose of a convolution, which enlarges by its stride (torch.nn.ConvTranspose2d): NAME.weight
/// [in,out/groups,k,k] and NAME.bias [out]. `output_padding` adds rows at the bottom and columns at the
/// right. The weight begins with normal values of the standard deviation √(2·stride² / (in/groups · k²)):
/// each output is a sum of in/groups · k²/stride² products (He et al. 2015, equation 10). The bias begins
/// with zeros.
///
///   ConvTranspose2d up(weights, "up", 256, 128, {.kernel = 2, .stride = 2});
///   up(x);  // [N,256,H,W] → [N,128,2H,2W]
///
/// Error: groups do not divide the channels.
class FLAM_API ConvTranspose2d {
 public:
  ConvTranspose2d() = default;
  ConvTranspose2d(const WeightScope& weights, const std::string& name, int64_t in, int64_t out,
                  ConvTransposeOptions options);
  /// [N,in,H,W] → [N,out,H',W'], H' = (H − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  ConvTransposeOptions options_;
  Weight weight_, bias_;
};

}  // namespace flam
