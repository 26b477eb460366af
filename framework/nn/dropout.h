#pragma once
// Layers that act only in training (framework/nn/training.h); otherwise they return their input.

#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

/// In training, sets each element to zero with probability `p` and multiplies the others by 1/(1 − p)
/// (Srivastava et al. 2014; torch.nn.Dropout).
///
///   Dropout drop(0.1);
///   x = residual + drop(fc2(activate(fc1(x))));  // [N,L,D]
///
/// Error: p is not between 0 and 1.
class FLAM_API Dropout {
 public:
  Dropout() = default;  // p = 0
  explicit Dropout(double p);
  at::Tensor operator()(const at::Tensor& x) const;  // the same shape and type

 private:
  double p_ = 0;
};

/// Stochastic depth (Huang et al. 2016; timm's DropPath): in training, sets the branch of a residual layer to
/// zero for each row of the batch with probability `p`, and multiplies the others by 1/(1 − p).
///
///   DropPath drop_path(0.2 * layer / (num_layers - 1));
///   x = x + drop_path(attention(norm(x)));  // [N,…]
///
/// Error: p is not between 0 and 1.
class FLAM_API DropPath {
 public:
  DropPath() = default;  // p = 0
  explicit DropPath(double p);
  at::Tensor operator()(const at::Tensor& branch) const;  // [N,…] → the same shape and type

 private:
  double p_ = 0;
};

}  // namespace flam
