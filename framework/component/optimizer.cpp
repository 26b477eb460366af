#include "framework/component/optimizer.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>

#include <cmath>

namespace flam {

void AdamWParams::visit(ParamVisitor& v) {
  v("beta1", beta1, "decay of the first moment, the mean of the gradients", between(0, 0.999999));
  v("beta2", beta2, "decay of the second moment, the mean of their squares", between(0, 0.999999));
  v("eps", eps, "added to the root of the second moment", at_least(0));
}

std::vector<OptimizerState> AdamWParams::state_of(const OptimizedTensor& tensor) {
  const std::vector<int64_t> shape = tensor.value.sizes().vec();
  return {{"first", shape}, {"second", shape}};
}

void AdamWParams::step(const std::vector<OptimizedTensor*>& tensors, int64_t step) const {
  if (tensors.empty()) return;
  const double first_correction = 1 - std::pow(beta1, static_cast<double>(step));
  const double second_correction = 1 - std::pow(beta2, static_cast<double>(step));
  std::vector<at::Tensor> values, gradients, first, second;
  std::vector<at::Scalar> kept, rates;  // what weight decay leaves; -learning rate, with the bias correction
  for (OptimizedTensor* tensor : tensors) {
    values.push_back(tensor->value);
    gradients.push_back(tensor->gradient);
    first.push_back(tensor->state[0]);
    second.push_back(tensor->state[1]);
    kept.emplace_back(1 - tensor->learning_rate * tensor->weight_decay);
    rates.emplace_back(-tensor->learning_rate / first_correction);
  }
  at::_foreach_mul_(values, kept);
  at::_foreach_mul_(first, beta1);
  at::_foreach_add_(first, gradients, 1 - beta1);
  at::_foreach_mul_(second, beta2);
  at::_foreach_addcmul_(second, gradients, gradients, 1 - beta2);
  const auto divisors = at::_foreach_div(second, second_correction);
  at::_foreach_sqrt_(divisors);
  at::_foreach_add_(divisors, eps);
  at::_foreach_addcdiv_(values, first, divisors, rates);
}

}  // namespace flam
