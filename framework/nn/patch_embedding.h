#pragma once
#include <string>

#include "framework/weights/weight_store.h"

namespace flam {

/// Cuts a picture into square patches and projects each to the width of the tokens: a convolution whose
/// stride equals its kernel size. Weights: NAME.weight [D,3,p,p] and, if requested, NAME.bias [D].
class FLAM_API PatchEmbedding {
 public:
  PatchEmbedding(const WeightScope& weights, const std::string& name, int64_t width, int64_t patch_size,
                 bool bias);
  /// pixels [N,3,H,W] → [N,P,D], P = ⌊H/p⌋·⌊W/p⌋, row by row; pixels beyond the last whole patch are ignored
  at::Tensor operator()(const at::Tensor& pixels) const;

 private:
  Weight weight_, bias_;
};

}  // namespace flam
