#pragma once
#include <memory>
#include <vector>

#include "framework/component/transform.h"
#include "framework/model/border.h"
#include "framework/registry/registry.h"

namespace flam {

/// The config's `transforms`, in order: a decoded picture → what the backbone takes.
class FLAM_API TransformChain {
 public:
  TransformChain(const std::vector<ComponentConfig>& configs, const Registry& registry);

  /// float32 [3,H,W]. Error: the chain's end is something else (it lacks a normalize).
  at::Tensor apply(const Picture& picture) const;
  /// The picture as the last transform gives it that still has uint8 pixels [H,W,3]: resized and cropped.
  Picture picture(const Picture& picture) const;
  /// Error: the chain doesn't give square pictures of `image_size` pixels, which `backbone` takes. Tried on a
  /// picture, so that it holds for any transforms.
  void check_output(int64_t image_size, const ComponentConfig& backbone) const;

 private:
  struct Link {
    std::unique_ptr<Transform> transform;
    Border border;
    Pixels apply(const Pixels& pixels) const;  // over the border
  };
  std::vector<Link> links_;
  std::string names_;  // "resize_edge, center_crop"
  Location where_;     // of the last
};

}  // namespace flam
