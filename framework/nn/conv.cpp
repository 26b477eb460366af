#include "framework/nn/conv.h"

#include <ATen/ops/conv1d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv_transpose2d.h>

#include <algorithm>
#include <cmath>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

namespace {

void check_groups(const std::string& name, int64_t groups, int64_t in, int64_t out) {
  if (groups >= 1 && in % groups == 0 && out % groups == 0) return;
  throw Error(cat("the convolution ", quoted(name), " has ", groups, " groups, which do not divide its ", in,
                  " input channels and ", out, " output channels"));
}

/// The weight of a convolution over `sides` sides.
Weight declare_weight(const WeightScope& weights, const std::string& name, int64_t in, int64_t out,
                      const ConvOptions& options, int sides) {
  const int64_t groups = options.groups;
  check_groups(name, groups, in, out);
  std::vector<int64_t> shape = {out, in / groups};
  shape.insert(shape.end(), sides, options.kernel);
  const double fan = std::pow(static_cast<double>(options.kernel), sides) * static_cast<double>(out / groups);
  return (weights / name).tensor("weight", shape, Init::normal(std::sqrt(2.0 / std::max(1.0, fan))));
}

Weight declare_bias(const WeightScope& weights, const std::string& name, int64_t out, bool bias) {
  return bias ? (weights / name).tensor("bias", {out}, Init::zeros()) : Weight();
}

at::Tensor tensor_or_none(const Weight& weight) {
  return weight ? weight.tensor() : at::Tensor();
}

}  // namespace

Conv1d::Conv1d(const WeightScope& weights, const std::string& name, int64_t in, int64_t out,
               ConvOptions options)
    : options_(options),
      weight_(declare_weight(weights, name, in, out, options, 1)),
      bias_(declare_bias(weights, name, out, options.bias)) {}

at::Tensor Conv1d::operator()(const at::Tensor& x) const {
  return at::conv1d(x, weight_.tensor(), tensor_or_none(bias_), options_.stride, options_.padding,
                    options_.dilation, options_.groups);
}

Conv2d::Conv2d(const WeightScope& weights, const std::string& name, int64_t in, int64_t out,
               ConvOptions options)
    : options_(options),
      weight_(declare_weight(weights, name, in, out, options, 2)),
      bias_(declare_bias(weights, name, out, options.bias)) {}

at::Tensor Conv2d::operator()(const at::Tensor& x) const {
  return at::conv2d(x, weight_.tensor(), tensor_or_none(bias_), options_.stride, options_.padding,
                    options_.dilation, options_.groups);
}

ConvTranspose2d::ConvTranspose2d(const WeightScope& weights, const std::string& name, int64_t in, int64_t out,
                                 ConvTransposeOptions options)
    : options_(options) {
  const int64_t groups = options.groups, kernel = options.kernel;
  check_groups(name, groups, in, out);
  // The products of which each output is the sum.
  const double terms = static_cast<double>(in / groups) * std::pow(static_cast<double>(kernel), 2) /
                       std::pow(static_cast<double>(options.stride), 2);
  weight_ = (weights / name)
                .tensor("weight", {in, out / groups, kernel, kernel},
                        Init::normal(std::sqrt(2.0 / std::max(1.0, terms))));
  bias_ = declare_bias(weights, name, out, options.bias);
}

at::Tensor ConvTranspose2d::operator()(const at::Tensor& x) const {
  return at::conv_transpose2d(x, weight_.tensor(), tensor_or_none(bias_), options_.stride, options_.padding,
                              options_.output_padding, options_.groups, options_.dilation);
}

}  // namespace flam
