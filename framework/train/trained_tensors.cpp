#include "framework/train/trained_tensors.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "framework/base/text.h"

namespace flam {

namespace {

/// On a device, an operator on a list is one kernel for many tensors. This bounds what its results take. On
/// the CPU it would bring nothing, and tensors one by one spread over the threads.
int64_t numbers_at_once(const std::vector<TrainedTensor>& tensors) {
  return tensors.empty() || tensors.front().base.value.is_cpu() ? 1 : int64_t{1} << 24;
}

}  // namespace

TrainedTensors::TrainedTensors(const TrainConfig& config, const Optimizer& optimizer,
                               std::vector<TrainedTensor> tensors)
    : config_(config), optimizer_(optimizer), tensors_(std::move(tensors)) {
  if (config.optimizer_config) border_ = Border(config.optimizer_config);
  const int64_t most = numbers_at_once(tensors_);
  int64_t numbers = most;
  for (TrainedTensor& tensor : tensors_) {
    allocate_state(tensor);
    if (config_.ema_decay > 0) tensor.average = tensor.base.value.detach().clone();
    if (numbers >= most) {
      groups_.emplace_back();
      numbers = 0;
    }
    groups_.back().push_back(&tensor);
    numbers += tensor.base.value.numel();
  }
}

void TrainedTensors::allocate_state(TrainedTensor& tensor) const {
  const auto state = border_("state_of", [&] { return optimizer_.state_of(tensor.base); });
  for (const OptimizerState& one : state) {
    const bool usable = !one.name.empty() && std::ranges::all_of(one.shape, [](int64_t n) { return n >= 0; });
    if (!usable || std::ranges::count(tensor.state_names, one.name) > 0)
      border_.fail(cat("gives the state ", quoted(one.name), " of shape ", at::IntArrayRef(one.shape),
                       " from state_of(); expected names that are not empty and occur once, and a shape"));
    tensor.state_names.push_back(one.name);
    tensor.base.state.push_back(at::zeros(one.shape, tensor.base.value.options().requires_grad(false)));
  }
}

void TrainedTensors::each_group(const std::function<void(const std::vector<TrainedTensor*>&)>& work) const {
  const auto each = [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // of this thread
    for (int64_t i = begin; i < end; ++i) work(groups_[static_cast<size_t>(i)]);
  };
  const bool on_cpu = tensors_.empty() || tensors_.front().base.value.is_cpu();
  if (on_cpu) {
    at::parallel_for(0, std::ssize(groups_), 1, each);
  } else {
    each(0, std::ssize(groups_));
  }
}

void TrainedTensors::add_gradients(std::vector<at::Tensor> gradients) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> sums, more;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    at::Tensor& sum = tensors_[i].base.value.mutable_grad();
    if (sum.defined()) {
      sums.push_back(sum);
      more.push_back(std::move(gradients[i]));
    } else {
      // A gradient may share its memory with another one, or be expanded; a sum may not.
      sum = gradients[i].use_count() == 1 && gradients[i].is_contiguous() ? std::move(gradients[i])
                                                                          : gradients[i].clone();
    }
  }
  if (!sums.empty()) at::_foreach_add_(sums, more);
}

void TrainedTensors::divide_gradients(double divisor) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> sums;
  for (const TrainedTensor& tensor : tensors_) {
    if (tensor.base.value.grad().defined()) sums.push_back(tensor.base.value.grad());
  }
  if (!sums.empty()) at::_foreach_div_(sums, divisor);
}

at::Tensor TrainedTensors::squared_norms() const {
  // One sum per tensor, so that the result does not depend on the number of threads.
  std::vector<at::Tensor> squares(tensors_.size());
  each_group([&](const std::vector<TrainedTensor*>& group) {
    std::vector<at::Tensor> gradients;
    std::vector<size_t> places;
    for (const TrainedTensor* tensor : group) {
      if (!tensor->base.value.grad().defined()) continue;
      gradients.push_back(tensor->base.value.grad());
      places.push_back(static_cast<size_t>(tensor - tensors_.data()));
    }
    if (gradients.empty()) return;
    const auto norms = at::_foreach_norm(gradients);
    for (size_t i = 0; i < places.size(); ++i) squares[places[i]] = norms[i];
  });
  std::erase_if(squares, [](const at::Tensor& square) { return !square.defined(); });
  const at::NoGradGuard no_grad;
  return squares.empty() ? at::zeros({1}) : at::stack(squares).square();
}

void TrainedTensors::step(double scale, double gradient_norm) {
  ++steps_done_;
  const bool clip = config_.max_grad_norm > 0 && gradient_norm > config_.max_grad_norm;
  const double shrunk = clip ? config_.max_grad_norm / gradient_norm : 1;
  each_group([&](const std::vector<TrainedTensor*>& group) { step(group, scale, shrunk); });
}

void TrainedTensors::step(const std::vector<TrainedTensor*>& group, double scale, double shrunk) const {
  std::vector<OptimizedTensor> tensors;
  std::vector<at::Tensor> gradients;
  for (const TrainedTensor* tensor : group) {
    const at::Tensor& gradient = tensor->base.value.grad();
    if (!gradient.defined()) continue;
    gradients.push_back(gradient);
    tensors.push_back(tensor->base);
    tensors.back().gradient = gradient;
    tensors.back().learning_rate *= scale;
  }
  if (!tensors.empty()) {
    if (shrunk != 1) at::_foreach_mul_(gradients, shrunk);
    border_("step", [&] { optimizer_.step(tensors, steps_done_); });
  }
  for (TrainedTensor* tensor : group) {
    tensor->base.value.mutable_grad() = at::Tensor();
    if (tensor->average.defined()) tensor->average.lerp_(tensor->base.value, 1 - config_.ema_decay);
  }
}

void TrainedTensors::exchange_averages() {
  const at::NoGradGuard no_grad;
  for (TrainedTensor& tensor : tensors_) {
    if (!tensor.average.defined()) continue;
    const at::Tensor value = tensor.base.value.detach().clone();
    tensor.base.value.copy_(tensor.average);
    tensor.average.copy_(value);
  }
}

std::vector<std::pair<std::string, at::Tensor>> TrainedTensors::state() const {
  std::vector<std::pair<std::string, at::Tensor>> out;
  for (const TrainedTensor& tensor : tensors_) {
    for (size_t i = 0; i < tensor.state_names.size(); ++i)
      out.emplace_back(cat("state.", tensor.state_names[i], ".", tensor.base.name), tensor.base.state[i]);
    if (tensor.average.defined()) out.emplace_back("average." + tensor.base.name, tensor.average);
  }
  return out;
}

void TrainedTensors::restore(const Stored& stored, int64_t steps_done) {
  for (TrainedTensor& tensor : tensors_) {
    for (size_t i = 0; i < tensor.state_names.size(); ++i) {
      at::Tensor& state = tensor.base.state[i];
      state.copy_(stored(cat("state.", tensor.state_names[i], ".", tensor.base.name), state));
    }
    if (tensor.average.defined()) tensor.average.copy_(stored("average." + tensor.base.name, tensor.average));
  }
  steps_done_ = steps_done;
}

}  // namespace flam
