#pragma once
// AdamW and Muon over plain tensors. This is not torch::optim, because the state must be saved in the
// checkpoint's safetensors file, and because libtorch has no Muon.

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "framework/recipe/train_config.h"

namespace flam {

/// One trained tensor.
struct TrainedTensor {
  std::string name;
  at::Tensor value;  // leaf that requires a gradient
  double learning_rate = 0;
  bool orthogonal = false;     // Muon's update instead of AdamW's
  std::vector<int64_t> parts;  // numbers of rows that form separate matrices
  at::Tensor first, second;    // moments; second is undefined under Muon
};

class Optimizer {
 public:
  Optimizer(const TrainConfig& config, std::vector<TrainedTensor> tensors);

  /// Clips the gradients to max_grad_norm, takes one step at `scale` times each learning rate, and clears
  /// them. Returns the norm before clipping. AdamW: Loshchilov & Hutter 2019. Muon: Jordan 2024, five
  /// Newton-Schulz steps, with the update scaled by 0.2·√max(rows, columns) as in Moonlight (2025), so that
  /// the same learning rate works for both.
  double step(double scale);

  const std::vector<TrainedTensor>& tensors() const { return tensors_; }
  /// Moments by name, for the checkpoint; restore() reads them back. `Stored` returns the moment of that name
  /// with the shape and type of `like`, or throws.
  using Stored = std::function<at::Tensor(const std::string& name, const at::Tensor& like)>;
  std::vector<std::pair<std::string, at::Tensor>> state() const;
  void restore(const Stored& stored, int64_t steps_done);

 private:
  double clip_gradients();
  void each_tensor(const std::function<void(size_t)>& work) const;  // in parallel
  /// The corrections are AdamW's bias corrections of its two moments.
  void update(TrainedTensor& tensor, double scale, double correct1, double correct2) const;

  const TrainConfig& config_;
  std::vector<TrainedTensor> tensors_;
  int64_t steps_done_ = 0;
};

}  // namespace flam
