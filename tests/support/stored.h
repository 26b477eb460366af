#pragma once
// A file for the dataset `stored` of tests/fixtures/plugins: pictures, and the features that a model gives.

#include <ATen/ops/randint.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>

#include <filesystem>

#include "framework/model/model.h"
#include "framework/model/transform_chain.h"
#include "framework/weights/checkpoint.h"

namespace flam::test {

/// Writes `pictures` uint8 [count,80,80,3] of noise and their `features` [count,P,D].
inline void write_stored(const std::filesystem::path& file, const Model& model,
                         const TransformChain& transforms, int64_t count) {
  const at::NoGradGuard no_grad;
  const at::Tensor pictures = at::randint(256, {count, 80, 80, 3}, at::kByte);
  std::vector<at::Tensor> features;
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor pixels = transforms.apply(Picture{pictures.select(0, i)});
    features.push_back(model.encode_images(pixels.unsqueeze(0)).tokens.select(0, 0));
  }
  write_safetensors(file, {{"pictures", pictures}, {"features", at::stack(features)}});
}

}  // namespace flam::test
