#include "framework/nn/patch_embedding.h"

#include <ATen/ops/linear.h>

namespace flam {

PatchEmbedding::PatchEmbedding(const WeightScope& weights, const std::string& name, int64_t width,
                               int64_t patch_size, bool bias)
    : weight_((weights / name).tensor("weight", {width, 3, patch_size, patch_size}, Init::normal(0.02))) {
  if (bias) bias_ = (weights / name).tensor("bias", {width}, Init::zeros());
}

at::Tensor PatchEmbedding::operator()(const at::Tensor& pixels) const {
  const int64_t n = pixels.size(0), p = weight_.shape()[2];
  const int64_t rows = pixels.size(2) / p, columns = pixels.size(3) / p;
  const at::Tensor patches = pixels.narrow(2, 0, rows * p)
                                 .narrow(3, 0, columns * p)
                                 .reshape({n, 3, rows, p, columns, p})
                                 .permute({0, 2, 4, 1, 3, 5})
                                 .reshape({n, rows * columns, 3 * p * p});
  return at::linear(patches, weight_.tensor().flatten(1), bias_ ? bias_.tensor() : at::Tensor());
}

}  // namespace flam
