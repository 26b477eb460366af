#pragma once
// Norms over channels, and the scale of a residual branch, with declared weights. LayerNorm and RMSNorm are
// in framework/nn/layers.h.

#include <string>

#include "framework/weights/weight_store.h"

namespace flam {

/// Normalises each group of channels of each row by its own mean and variance (Wu and He 2018;
/// torch.nn.GroupNorm): NAME.weight [channels] and NAME.bias [channels].
///
///   GroupNorm norm(weights, "norm", /*groups=*/32, /*channels=*/256);
///   norm(x);  // [N,256,H,W] → [N,256,H,W]
///
/// Error: groups do not divide the channels.
class FLAM_API GroupNorm {
 public:
  GroupNorm() = default;
  GroupNorm(const WeightScope& weights, const std::string& name, int64_t groups, int64_t channels,
            double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;  // [N,channels,…] → the same shape

 private:
  int64_t groups_ = 1;
  Weight weight_, bias_;
  double eps_ = 1e-5;
};

/// (x − mean) / √(var + eps) · weight + bias for each channel (Ioffe and Szegedy 2015, algorithm 2;
/// torch.nn.BatchNorm1d and 2d). As in ConvNorm, it uses the running statistics in training too, never those
/// of the batch. Weights: NAME.{weight, bias} [channels] and the statistics NAME.{running_mean, running_var}.
///
///   BatchNorm norm(weights, "bn1", 64);
///   norm(x);  // [N,64,H,W] → [N,64,H,W]
class FLAM_API BatchNorm {
 public:
  BatchNorm() = default;
  BatchNorm(const WeightScope& weights, const std::string& name, int64_t channels, double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;  // [N,channels,…] → the same shape

 private:
  Weight weight_, bias_, mean_, variance_;
  double eps_ = 1e-5;
};

/// x · gamma over the last dimension (Touvron et al. 2021, equation 6): NAME [width], which begins with
/// `initial`. It has one tensor, so NAME is the tensor's full name, such as "ls1.gamma".
///
///   LayerScale scale(weights, "ls1.gamma", 768, 1e-5);
///   x = x + scale(attention(norm(x)));  // [N,L,768]
class FLAM_API LayerScale {
 public:
  LayerScale() = default;
  LayerScale(const WeightScope& weights, const std::string& name, int64_t width, double initial = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;  // [...,width] → the same shape

 private:
  Weight gamma_;
};

}  // namespace flam
