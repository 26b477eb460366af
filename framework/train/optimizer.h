#pragma once
// AdamW and Muon over plain tensors. This is not torch::optim, because the state must be saved in the
// checkpoint's safetensors file, and because libtorch has no Muon.

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "framework/base/export.h"
#include "framework/recipe/train_config.h"

namespace flam {

/// One trained tensor.
struct TrainedTensor {
  std::string name;
  at::Tensor value;  // leaf that requires a gradient
  double learning_rate = 0;
  bool orthogonal = false;     // Muon's update instead of AdamW's
  bool decays = true;          // weight decay applies, if it is a matrix
  std::vector<int64_t> parts;  // numbers of rows that form separate matrices
  at::Tensor first, second;    // moments; second is undefined under Muon
  at::Tensor average;          // of the values over the steps; undefined without train.ema_decay
};

class FLAM_API Optimizer {
 public:
  Optimizer(const TrainConfig& config, std::vector<TrainedTensor> tensors);

  /// Adds to the gradients of the trained tensors, in their order. An undefined one counts as zeros.
  void add_gradients(std::vector<at::Tensor> gradients);
  void divide_gradients(double divisor);
  /// The squared norm of each gradient, [n] on the device of the tensors.
  at::Tensor squared_norms() const;
  /// Takes one step at `scale` times each learning rate, and clears the gradients. `gradient_norm` is that of
  /// all gradients together; they are scaled down to max_grad_norm if it is larger. AdamW: Loshchilov &
  /// Hutter 2019. Muon: Jordan 2024, five Newton-Schulz steps, with the update scaled by 0.2·√max(rows,
  /// columns) as in Moonlight (2025), so that the same learning rate works for both.
  void step(double scale, double gradient_norm);

  const std::vector<TrainedTensor>& tensors() const { return tensors_; }
  /// Exchanges the values of the tensors with their averages, if there are any.
  void exchange_averages();
  /// Moments and averages by name, for the checkpoint; restore() reads them back. `Stored` returns the moment
  /// of that name with the shape and type of `like`, or throws.
  using Stored = std::function<at::Tensor(const std::string& name, const at::Tensor& like)>;
  std::vector<std::pair<std::string, at::Tensor>> state() const;
  void restore(const Stored& stored, int64_t steps_done);

 private:
  struct Lists;
  /// In parallel on the CPU.
  void each_group(const std::function<void(const std::vector<TrainedTensor*>&)>& work) const;
  void update_adamw(Lists& lists) const;
  void update_muon(TrainedTensor& tensor, double rate) const;

  const TrainConfig& config_;
  std::vector<TrainedTensor> tensors_;
  std::vector<std::vector<TrainedTensor*>> groups_;  // of tensors_, updated together
  int64_t steps_done_ = 0;
};

/// The averages are the values of the trained tensors as long as this lives.
class Averages {
 public:
  explicit Averages(Optimizer& optimizer) : optimizer_(optimizer) { optimizer_.exchange_averages(); }
  ~Averages() { optimizer_.exchange_averages(); }
  Averages(const Averages&) = delete;
  Averages& operator=(const Averages&) = delete;

 private:
  Optimizer& optimizer_;
};

}  // namespace flam
