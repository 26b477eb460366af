#pragma once
#include <string>

#include "framework/weights/weight_store.h"

namespace flam {

/// Learned position embeddings of a square grid of patches, with rows for prefix tokens before them. The
/// checkpoint's grid may have another size than the picture's. It is then interpolated at every forward, in
/// float32, so that the stored weights stay those of the checkpoint and gradients reach them.
class FLAM_API PositionGrid {
 public:
  /// bicubic: as in torch, with half-pixel centres (Hugging Face Dinov2Model, SiglipVisionModel).
  /// antialiased: the same, with a wider filter when shrinking (Dinov2WithRegistersModel, timm).
  enum class Interpolation { bicubic, antialiased };
  struct Shape {
    int64_t width = 0, prefix_rows = 0;
    int64_t stored_side = 0, side = 0;  // of the grid: in the checkpoint, of the pictures
    Interpolation interpolation = Interpolation::bicubic;
  };

  /// Weight: NAME [prefix_rows + stored_side², width].
  PositionGrid(const WeightScope& weights, const std::string& name, const Shape& shape);
  /// → [prefix_rows + side², width]
  at::Tensor operator()() const;

 private:
  Shape shape_;
  Weight weight_;
};

}  // namespace flam
