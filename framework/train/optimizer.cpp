#include "framework/train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <cmath>

namespace flam {

namespace {

// Approximately the nearest matrix with orthonormal rows or columns; its singular values are about 0.7
// to 1.2.
at::Tensor orthogonalised(const at::Tensor& matrix) {
  const bool tall = matrix.size(0) > matrix.size(1);
  at::Tensor x = matrix / (matrix.norm() + 1e-7);
  if (tall) x = x.t();
  for (int i = 0; i < 5; ++i) {
    const at::Tensor a = x.mm(x.t());
    x = x * 3.4445 + (a * -4.7750 + a.mm(a) * 2.0315).mm(x);
  }
  return tall ? x.t() : x;
}

at::Tensor orthogonalised_parts(const at::Tensor& matrix, const std::vector<int64_t>& parts) {
  if (parts.empty()) return orthogonalised(matrix);
  std::vector<at::Tensor> pieces;
  for (const at::Tensor& piece : matrix.split_with_sizes(parts, 0)) pieces.push_back(orthogonalised(piece));
  return at::cat(pieces, 0);
}

/// On a device, an operator on a list is one kernel for many tensors. This bounds what its results take. On
/// the CPU it would bring nothing, and tensors one by one spread over the threads.
int64_t numbers_at_once(const std::vector<TrainedTensor>& tensors) {
  return tensors.empty() || tensors.front().value.is_cpu() ? 1 : int64_t{1} << 24;
}

}  // namespace

/// What the operators on lists take.
struct Optimizer::Lists {
  std::vector<at::Tensor> values, gradients, first, second;
  std::vector<at::Scalar> kept, rates;  // what weight decay leaves; -learning rate, with the bias correction
};

Optimizer::Optimizer(const TrainConfig& config, std::vector<TrainedTensor> tensors)
    : config_(config), tensors_(std::move(tensors)) {
  const int64_t most = numbers_at_once(tensors_);
  int64_t numbers = most;
  for (TrainedTensor& tensor : tensors_) {
    tensor.first = at::zeros_like(tensor.value, at::TensorOptions().requires_grad(false));
    if (!tensor.orthogonal) tensor.second = at::zeros_like(tensor.first);
    if (config_.ema_decay > 0) tensor.average = tensor.value.detach().clone();
    if (numbers >= most) {
      groups_.emplace_back();
      numbers = 0;
    }
    groups_.back().push_back(&tensor);
    numbers += tensor.value.numel();
  }
}

void Optimizer::each_group(const std::function<void(const std::vector<TrainedTensor*>&)>& work) const {
  const auto each = [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // of this thread
    for (int64_t i = begin; i < end; ++i) work(groups_[static_cast<size_t>(i)]);
  };
  const bool on_cpu = tensors_.empty() || tensors_.front().value.is_cpu();
  if (on_cpu) {
    at::parallel_for(0, std::ssize(groups_), 1, each);
  } else {
    each(0, std::ssize(groups_));
  }
}

void Optimizer::add_gradients(std::vector<at::Tensor> gradients) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> sums, more;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    at::Tensor& sum = tensors_[i].value.mutable_grad();
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

void Optimizer::divide_gradients(double divisor) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> sums;
  for (const TrainedTensor& tensor : tensors_) {
    if (tensor.value.grad().defined()) sums.push_back(tensor.value.grad());
  }
  if (!sums.empty()) at::_foreach_div_(sums, divisor);
}

at::Tensor Optimizer::squared_norms() const {
  // One sum per tensor, so that the result does not depend on the number of threads.
  std::vector<at::Tensor> squares(tensors_.size());
  each_group([&](const std::vector<TrainedTensor*>& group) {
    std::vector<at::Tensor> gradients;
    std::vector<size_t> places;
    for (const TrainedTensor* tensor : group) {
      if (!tensor->value.grad().defined()) continue;
      gradients.push_back(tensor->value.grad());
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

void Optimizer::update_adamw(Lists& lists) const {
  at::_foreach_mul_(lists.values, lists.kept);
  at::_foreach_mul_(lists.first, config_.beta1);
  at::_foreach_add_(lists.first, lists.gradients, 1 - config_.beta1);
  at::_foreach_mul_(lists.second, config_.beta2);
  at::_foreach_addcmul_(lists.second, lists.gradients, lists.gradients, 1 - config_.beta2);
  const double correction = 1 - std::pow(config_.beta2, static_cast<double>(steps_done_));
  const auto divisors = at::_foreach_div(lists.second, correction);
  at::_foreach_sqrt_(divisors);
  at::_foreach_add_(divisors, 1e-8);
  at::_foreach_addcdiv_(lists.values, lists.first, divisors, lists.rates);
}

void Optimizer::update_muon(TrainedTensor& tensor, double rate) const {
  const at::Tensor& gradient = tensor.value.grad();
  if (tensor.value.dim() > 1 && tensor.decays) tensor.value.mul_(1 - rate * config_.weight_decay);
  tensor.first.mul_(config_.momentum).add_(gradient);
  const at::Tensor ahead = gradient + tensor.first * config_.momentum;
  const double rows = static_cast<double>(tensor.parts.empty() ? tensor.value.size(0) : tensor.parts.front());
  const double size = std::max(rows, static_cast<double>(tensor.value.size(1)));
  tensor.value.sub_(orthogonalised_parts(ahead, tensor.parts), rate * 0.2 * std::sqrt(size));
}

void Optimizer::step(double scale, double gradient_norm) {
  const at::NoGradGuard no_grad;
  ++steps_done_;
  const double correction = 1 - std::pow(config_.beta1, static_cast<double>(steps_done_));
  const bool clip = config_.max_grad_norm > 0 && gradient_norm > config_.max_grad_norm;
  const double shrunk = clip ? config_.max_grad_norm / gradient_norm : 1;
  each_group([&](const std::vector<TrainedTensor*>& group) {
    Lists lists;
    for (TrainedTensor* tensor : group) {
      if (!tensor->value.grad().defined()) continue;
      const double rate = tensor->learning_rate * scale;
      if (tensor->orthogonal) {
        if (clip) tensor->value.mutable_grad().mul_(shrunk);
        update_muon(*tensor, rate);
        continue;
      }
      lists.values.push_back(tensor->value);
      lists.gradients.push_back(tensor->value.grad());
      lists.first.push_back(tensor->first);
      lists.second.push_back(tensor->second);
      lists.kept.emplace_back(tensor->value.dim() > 1 && tensor->decays ? 1 - rate * config_.weight_decay
                                                                        : 1.0);
      lists.rates.emplace_back(-rate / correction);
    }
    if (!lists.values.empty()) {
      if (clip) at::_foreach_mul_(lists.gradients, shrunk);
      update_adamw(lists);
    }
    for (TrainedTensor* tensor : group) {
      tensor->value.mutable_grad() = at::Tensor();
      if (tensor->average.defined()) tensor->average.lerp_(tensor->value, 1 - config_.ema_decay);
    }
  });
}

void Optimizer::exchange_averages() {
  const at::NoGradGuard no_grad;
  for (TrainedTensor& tensor : tensors_) {
    if (!tensor.average.defined()) continue;
    const at::Tensor value = tensor.value.detach().clone();
    tensor.value.copy_(tensor.average);
    tensor.average.copy_(value);
  }
}

std::vector<std::pair<std::string, at::Tensor>> Optimizer::state() const {
  std::vector<std::pair<std::string, at::Tensor>> out;
  for (const TrainedTensor& tensor : tensors_) {
    out.emplace_back("first." + tensor.name, tensor.first);
    if (tensor.second.defined()) out.emplace_back("second." + tensor.name, tensor.second);
    if (tensor.average.defined()) out.emplace_back("average." + tensor.name, tensor.average);
  }
  return out;
}

void Optimizer::restore(const Stored& stored, int64_t steps_done) {
  for (TrainedTensor& tensor : tensors_) {
    tensor.first.copy_(stored("first." + tensor.name, tensor.first));
    if (tensor.second.defined()) tensor.second.copy_(stored("second." + tensor.name, tensor.second));
    if (tensor.average.defined()) tensor.average.copy_(stored("average." + tensor.name, tensor.average));
  }
  steps_done_ = steps_done;
}

}  // namespace flam
