#pragma once
// The tensors that a run trains: their gradients, steps of the optimiser, and averages over the steps.

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "framework/component/optimizer.h"
#include "framework/model/border.h"
#include "framework/recipe/train_config.h"

namespace flam {

/// One trained tensor. What changes from step to step is not set in `base`: its gradient is in the leaf
/// `base.value`, and its learning rate is the one at a scale of 1.
struct TrainedTensor {
  OptimizedTensor base;
  std::vector<std::string> state_names = {};  // of base.state
  at::Tensor average = {};                    // of the values over the steps; undefined without ema_decay
};

class FLAM_API TrainedTensors {
 public:
  /// Allocates the optimiser's state. RunError: the optimiser breaks its contract.
  TrainedTensors(const TrainConfig& config, const Optimizer& optimizer, std::vector<TrainedTensor> tensors);

  /// Adds to the gradients of the tensors, in their order. An undefined one counts as zeros.
  void add_gradients(std::vector<at::Tensor> gradients);
  void divide_gradients(double divisor);
  /// The squared norm of each gradient, [n] on the device of the tensors.
  at::Tensor squared_norms() const;
  /// Takes one step at `scale` times each learning rate, and clears the gradients. `gradient_norm` is that of
  /// all gradients together; they are scaled down to max_grad_norm if it is larger.
  void step(double scale, double gradient_norm);

  const std::vector<TrainedTensor>& tensors() const { return tensors_; }
  /// Exchanges the values of the tensors with their averages, if there are any.
  void exchange_averages();
  /// The optimiser's state and the averages by name, for the checkpoint; restore() reads them back. `Stored`
  /// returns the tensor of that name with the shape and type of `like`, or throws.
  using Stored = std::function<at::Tensor(const std::string& name, const at::Tensor& like)>;
  std::vector<std::pair<std::string, at::Tensor>> state() const;
  void restore(const Stored& stored, int64_t steps_done);

 private:
  void allocate_state(TrainedTensor& tensor) const;
  /// In parallel on the CPU.
  void each_group(const std::function<void(const std::vector<TrainedTensor*>&)>& work) const;
  void step(const std::vector<TrainedTensor*>& group, double scale, double shrunk) const;

  const TrainConfig& config_;
  const Optimizer& optimizer_;
  Border border_;
  std::vector<TrainedTensor> tensors_;
  std::vector<std::vector<TrainedTensor*>> groups_;  // of tensors_, updated together
  int64_t steps_done_ = 0;
};

/// The averages are the values of the trained tensors as long as this lives.
class Averages {
 public:
  explicit Averages(TrainedTensors& tensors) : tensors_(tensors) { tensors_.exchange_averages(); }
  ~Averages() { tensors_.exchange_averages(); }
  Averages(const Averages&) = delete;
  Averages& operator=(const Averages&) = delete;

 private:
  TrainedTensors& tensors_;
};

}  // namespace flam
