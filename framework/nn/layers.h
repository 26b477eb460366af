#pragma once
// Layers with declared weights. Each is const while it runs, and works on the meta device.

#include <ATen/core/Tensor.h>

#include "framework/weights/weight_store.h"

namespace flam {

enum class Activation { gelu, quick_gelu, relu, silu, gelu_tanh, relu6 };  // gelu: exact (erf)
FLAM_API at::Tensor activate(const at::Tensor& x, Activation activation);

/// silu(gate) · up, of the same shape; `gate` is a temporary, whose memory is reused if no gradient is
/// needed.
FLAM_API at::Tensor silu_product(const at::Tensor& gate, const at::Tensor& up);

/// residual + branch; `branch` is a temporary, whose memory is reused if no gradient is needed.
FLAM_API at::Tensor add_residual(const at::Tensor& residual, at::Tensor branch);

/// Rows `ids` [R,L] (int64) of a table [V,D] → [R,L,D].
FLAM_API at::Tensor look_up(const Weight& table, const at::Tensor& ids);

struct LinearOptions {
  bool bias = true;
  double init_std = 0;  // 0: 0.7/√in
};

/// y = x·Wᵀ + b, W [out,in] is NAME.weight, b is NAME.bias. Dispatches on the type of the stored weight.
class FLAM_API Linear {
 public:
  Linear() = default;
  Linear(const WeightScope& weights, const std::string& name, int64_t in, int64_t out,
         LinearOptions options = {});
  /// W (and b) are made of several tensors of the checkpoint, stacked by rows: out = Σ parts.
  static Linear fused(const WeightScope& weights, const std::string& name, int64_t in,
                      std::vector<int64_t> parts, LinearOptions options = {});
  explicit Linear(Weight weight);  // a tied matrix
  at::Tensor operator()(const at::Tensor& x) const;
  int64_t in_features() const { return weight_.shape()[1]; }
  int64_t out_features() const { return weight_.shape()[0]; }
  const Weight& weight() const { return weight_; }
  const Weight& bias() const { return bias_; }  // empty: none

 private:
  Weight weight_, bias_;
};

/// residual + linear(x). With `reuse`, the result may be written over `residual` if no gradient is needed.
FLAM_API at::Tensor add_product(const at::Tensor& residual, const Linear& linear, const at::Tensor& x,
                                bool reuse);

/// Several Linear layers of one input, each with weights of its own: queries, keys and values. They are
/// computed as one product if their weights lie one after the other in memory and no gradient is needed.
class FLAM_API StackedLinear {
 public:
  StackedLinear() = default;
  /// `parts`: name and width of each output.
  StackedLinear(const WeightScope& weights, int64_t in,
                const std::vector<std::pair<std::string, int64_t>>& parts, LinearOptions options = {});
  /// x [...,in] → the output of each layer, [...,out]. The outputs of one product are views of it.
  std::vector<at::Tensor> operator()(const at::Tensor& x) const;

 private:
  std::vector<Linear> layers_;
};

/// LayerNorm over the last dimension, NAME.weight and NAME.bias.
class FLAM_API LayerNorm {
 public:
  LayerNorm() = default;
  LayerNorm(const WeightScope& weights, const std::string& name, int64_t width, double eps = 1e-5);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Weight weight_, bias_;
  double eps_ = 1e-5;
};

/// x / rms(x) · weight, the mean of squares in float32 (Hugging Face LlamaRMSNorm).
class FLAM_API RMSNorm {
 public:
  RMSNorm() = default;
  RMSNorm(const WeightScope& weights, const std::string& name, int64_t width, double eps);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  Weight weight_;
  double eps_ = 1e-6;
};

}  // namespace flam
