#include "framework/train/optimizer.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <numeric>

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

}  // namespace

Optimizer::Optimizer(const TrainConfig& config, std::vector<TrainedTensor> tensors)
    : config_(config), tensors_(std::move(tensors)) {
  for (TrainedTensor& tensor : tensors_) {
    tensor.first = at::zeros_like(tensor.value, at::TensorOptions().requires_grad(false));
    if (!tensor.orthogonal) tensor.second = at::zeros_like(tensor.first);
  }
}

void Optimizer::each_tensor(const std::function<void(size_t)>& work) const {
  const auto each = [&](int64_t begin, int64_t end) {
    const at::NoGradGuard no_grad;  // of this thread
    for (int64_t i = begin; i < end; ++i) work(static_cast<size_t>(i));
  };
  const bool on_cpu = tensors_.empty() || tensors_.front().value.is_cpu();
  if (on_cpu) {
    at::parallel_for(0, std::ssize(tensors_), 1, each);
  } else {
    each(0, std::ssize(tensors_));
  }
}

double Optimizer::clip_gradients() {
  // One sum per tensor, so that the result does not depend on the number of threads. A device is read once.
  std::vector<at::Tensor> squares(tensors_.size());
  each_tensor([&](size_t i) {
    const at::Tensor& gradient = tensors_[i].value.grad();
    if (gradient.defined()) squares[i] = gradient.square().sum();
  });
  std::erase_if(squares, [](const at::Tensor& square) { return !square.defined(); });
  if (squares.empty()) return 0;
  const at::Tensor sums = at::stack(squares).cpu().to(at::kDouble);
  const double* const first = sums.const_data_ptr<double>();
  const double norm = std::sqrt(std::accumulate(first, first + sums.numel(), 0.0));
  if (config_.max_grad_norm > 0 && norm > config_.max_grad_norm) {
    for (const TrainedTensor& tensor : tensors_) {
      if (tensor.value.grad().defined()) tensor.value.mutable_grad().mul_(config_.max_grad_norm / norm);
    }
  }
  return norm;
}

void Optimizer::update(TrainedTensor& tensor, double scale, double correct1, double correct2) const {
  at::Tensor& gradient = tensor.value.mutable_grad();
  if (!gradient.defined()) return;
  const double rate = tensor.learning_rate * scale;
  if (tensor.value.dim() > 1) tensor.value.mul_(1 - rate * config_.weight_decay);
  if (tensor.orthogonal) {
    tensor.first.mul_(config_.momentum).add_(gradient);
    const at::Tensor ahead = gradient + tensor.first * config_.momentum;
    const double rows =
        static_cast<double>(tensor.parts.empty() ? tensor.value.size(0) : tensor.parts.front());
    const double size = std::max(rows, static_cast<double>(tensor.value.size(1)));
    tensor.value.sub_(orthogonalised_parts(ahead, tensor.parts), rate * 0.2 * std::sqrt(size));
  } else {
    tensor.first.mul_(config_.beta1).add_(gradient, 1 - config_.beta1);
    tensor.second.mul_(config_.beta2).addcmul_(gradient, gradient, 1 - config_.beta2);
    const at::Tensor divisor = (tensor.second / correct2).sqrt_().add_(1e-8);
    tensor.value.addcdiv_(tensor.first, divisor, -rate / correct1);
  }
  gradient = at::Tensor();
}

double Optimizer::step(double scale) {
  const at::NoGradGuard no_grad;
  const double norm = clip_gradients();
  ++steps_done_;
  const double correct1 = 1 - std::pow(config_.beta1, static_cast<double>(steps_done_));
  const double correct2 = 1 - std::pow(config_.beta2, static_cast<double>(steps_done_));
  each_tensor([&](size_t i) { update(tensors_[i], scale, correct1, correct2); });
  return norm;
}

std::vector<std::pair<std::string, at::Tensor>> Optimizer::state() const {
  std::vector<std::pair<std::string, at::Tensor>> out;
  for (const TrainedTensor& tensor : tensors_) {
    out.emplace_back("first." + tensor.name, tensor.first);
    if (tensor.second.defined()) out.emplace_back("second." + tensor.name, tensor.second);
  }
  return out;
}

void Optimizer::restore(const Stored& stored, int64_t steps_done) {
  for (TrainedTensor& tensor : tensors_) {
    tensor.first.copy_(stored("first." + tensor.name, tensor.first));
    if (tensor.second.defined()) tensor.second.copy_(stored("second." + tensor.name, tensor.second));
  }
  steps_done_ = steps_done;
}

}  // namespace flam
