#include "framework/nn/dropout.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/device/to_device.h"
#include "framework/nn/training.h"

namespace flam {

namespace {

double probability(const char* layer, double p) {
  if (p >= 0 && p <= 1) return p;
  throw Error(cat("the probability of ", layer, " is ", p, ", expected 0 to 1"));
}

/// x with elements of probability p set to zero; one draw for all elements that `drawn` shares.
at::Tensor drop(const at::Tensor& x, at::IntArrayRef drawn, double p) {
  if (p == 0 || !Training::is_on() || x.is_meta()) return x;
  if (p == 1) return at::zeros_like(x);
  const at::Device device = x.device();
  at::Generator& generator = Training::generator(device);
  at::Tensor kept = at::empty(drawn, at::device(generator.device()).dtype(at::kBool));
  kept.bernoulli_(1 - p, generator);
  return (x * to_device(kept, device)).mul_(1 / (1 - p));
}

}  // namespace

Dropout::Dropout(double p) : p_(probability("Dropout", p)) {}

at::Tensor Dropout::operator()(const at::Tensor& x) const {
  return drop(x, x.sizes(), p_);
}

DropPath::DropPath(double p) : p_(probability("DropPath", p)) {}

at::Tensor DropPath::operator()(const at::Tensor& branch) const {
  std::vector<int64_t> rows(branch.dim(), 1);
  if (!rows.empty()) rows.front() = branch.size(0);
  return drop(branch, rows, p_);
}

}  // namespace flam
