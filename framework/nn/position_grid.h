#pragma once
#include <string>

#include "framework/weights/weight_store.h"

namespace flam {

/// Learned position embeddings of a square grid of patches, with rows for prefix tokens before them. The
/// checkpoint's grid may have another size than the picture's. It is then interpolated at every forward, in
/// float32, so that the stored weights stay those of the checkpoint and gradients reach them; with buckets,
/// rows of it are selected instead.
class FLAM_API PositionGrid {
 public:
  /// bicubic: as in torch, with half-pixel centres (Hugging Face Dinov2Model, SiglipVisionModel).
  /// antialiased: the same, with a wider filter when shrinking (Dinov2WithRegistersModel, timm).
  /// buckets: patch i of v along an axis takes row or column ⌊i · stored_side / v⌋, computed in float32 as in
  /// Idefics3VisionEmbeddings (transformers 5.24), where v is the number of patches that show the picture.
  enum class Interpolation { bicubic, antialiased, buckets };
  struct Shape {
    int64_t width = 0, prefix_rows = 0;
    int64_t stored_side = 0, side = 0;  // of the grid: in the checkpoint, of the pictures
    Interpolation interpolation = Interpolation::bicubic;
  };

  /// Weight: NAME [prefix_rows + stored_side², width].
  PositionGrid(const WeightScope& weights, const std::string& name, const Shape& shape);
  /// → [prefix_rows + side², width]
  at::Tensor operator()() const;
  /// For buckets without prefix rows: patch_mask [N,side,side] bool → [N,side²,width]. The numbers of patches
  /// that show a picture are those of the mask's first column and first row. Padding patches get the first
  /// embedding.
  at::Tensor operator()(const at::Tensor& patch_mask) const;

 private:
  Shape shape_;
  Weight weight_;
};

}  // namespace flam
