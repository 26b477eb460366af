#include "framework/nn/norms.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/group_norm.h>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

GroupNorm::GroupNorm(const WeightScope& weights, const std::string& name, int64_t groups, int64_t channels,
                     double eps)
    : groups_(groups), eps_(eps) {
  if (groups < 1 || channels % groups != 0)
    throw Error(cat("the norm ", quoted(name), " has ", groups, " groups, which do not divide its ", channels,
                    " channels"));
  weight_ = (weights / name).tensor("weight", {channels}, Init::ones());
  bias_ = (weights / name).tensor("bias", {channels}, Init::zeros());
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const {
  return at::group_norm(x, groups_, weight_.tensor(), bias_.tensor(), eps_);
}

BatchNorm::BatchNorm(const WeightScope& weights, const std::string& name, int64_t channels, double eps)
    : weight_((weights / name).tensor("weight", {channels}, Init::ones())),
      bias_((weights / name).tensor("bias", {channels}, Init::zeros())),
      mean_((weights / name).statistic("running_mean", {channels}, Init::zeros())),
      variance_((weights / name).statistic("running_var", {channels}, Init::ones())),
      eps_(eps) {}

at::Tensor BatchNorm::operator()(const at::Tensor& x) const {
  return at::batch_norm(x, weight_.tensor(), bias_.tensor(), mean_.tensor(), variance_.tensor(),
                        /*training=*/false, /*momentum=*/0, eps_, /*cudnn_enabled=*/false);
}

LayerScale::LayerScale(const WeightScope& weights, const std::string& name, int64_t width, double initial)
    : gamma_(weights.tensor(name, {width}, Init::constant(initial))) {}

at::Tensor LayerScale::operator()(const at::Tensor& x) const {
  return x * gamma_.tensor();
}

}  // namespace flam
