#pragma once
#include <memory>
#include <vector>

#include "framework/component/transform.h"
#include "framework/model/border.h"
#include "framework/registry/registry.h"

namespace flam {

/// The `transforms` of a config, applied in order: a decoded picture → the backbone's input.
class FLAM_API TransformChain {
 public:
  TransformChain(const std::vector<ComponentConfig>& configs, const Registry& registry);

  /// Returns float32 pixels [3,H,W]. Error: the chain produces something else, for example because it has no
  /// `normalize`.
  at::Tensor apply(const Picture& picture) const;
  /// Returns the picture after the last transform that still produces uint8 pixels [H,W,3]: resized and
  /// cropped.
  Picture picture(const Picture& picture) const;
  /// Applies the chain to a test picture. Error: the result is not a square picture of `image_size` pixels,
  /// as `backbone` requires.
  void check_output(int64_t image_size, const ComponentConfig& backbone) const;

 private:
  struct Link {
    std::unique_ptr<Transform> transform;
    Border border;
    Pixels apply(const Pixels& pixels) const;  // checked
  };
  std::vector<Link> links_;
  std::string names_;  // "resize_edge, center_crop"
  Location where_;     // of the last transform
};

}  // namespace flam
