#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "framework/params/params.h"
#include "framework/registry/component.h"

namespace flam {

/// One trained tensor in a step of an optimiser.
struct OptimizedTensor {
  std::string name;               // "resampler.layers.0.to_q.weight"
  bool is_matrix = false;         // of a linear layer; not a vector, a convolution or a table of embeddings
  std::vector<int64_t> parts;     // of a fused matrix: rows of each of them; empty: not fused
  at::Tensor value;               // a leaf, to be changed in place
  at::Tensor gradient;            // of its shape and type; may be overwritten
  std::vector<at::Tensor> state;  // what state_of() announced, to be changed in place
  double learning_rate = 0;       // of this step, after the schedule
  double weight_decay = 0;        // 0 where none applies: for vectors, and by `train.no_weight_decay`
};

/// A tensor that is kept between steps, and in checkpoints: zeros at first, of the type of the value.
struct OptimizerState {
  std::string name;  // "first"
  std::vector<int64_t> shape;
};

/// optimizer: gradients → new values of the trained tensors. It has no state of its own: what it keeps
/// between steps is in OptimizedTensor::state. Gradients are clipped before it is called, and averages of the
/// weights are taken after it.
class FLAM_API Optimizer : public Component {
 public:
  static constexpr const char* kKind = "optimizer";
  struct Input {};

  ~Optimizer() override;
  /// What is kept for a tensor of which all but gradient, state and learning rate are known; each name once.
  virtual std::vector<OptimizerState> state_of(const OptimizedTensor& tensor) const = 0;
  /// Changes the values. `step` is 1 for the first step. No gradients are recorded. It may be called from
  /// several threads at once, with other tensors each; a device gets many tensors in one call.
  virtual void step(std::vector<OptimizedTensor>& tensors, int64_t step) const = 0;
};

/// AdamW (Loshchilov and Hutter 2019), as parameters: for optimisers that treat some tensors in its way.
struct FLAM_API AdamWParams {
  double beta1 = 0.9, beta2 = 0.98, eps = 1e-8;

  void visit(ParamVisitor& v);
  /// The two moments, "first" and "second".
  static std::vector<OptimizerState> state_of(const OptimizedTensor& tensor);
  /// value −= learning_rate · (mean / (√(variance) + eps) + weight_decay · value), with both moments
  /// corrected for their beginning with zeros.
  void step(const std::vector<OptimizedTensor*>& tensors, int64_t step) const;
};

}  // namespace flam
