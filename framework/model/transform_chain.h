#pragma once
#include <memory>
#include <vector>

#include "framework/component/media_layout.h"
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
  /// Lays a picture out and applies the chain to each crop: float32 [C,3,H,W], with zeros in the tile slots
  /// that remain empty. Error: also if the crops differ in size.
  at::Tensor apply(const Picture& picture, const MediaLayout& layout, bool may_split) const;
  /// In training: as apply(), with the choices that transforms draw from `random`.
  at::Tensor augment(const Picture& picture, const MediaLayout& layout, Random& random) const;
  /// Returns the picture after the last transform that still produces uint8 pixels [H,W,3]: resized and
  /// cropped.
  Picture picture(const Picture& picture) const;
  /// Lays out a test picture and applies the chain. Error: the results are not square pictures of
  /// `image_size` pixels, as `backbone` requires.
  void check_output(const MediaLayout& layout, int64_t image_size, const ComponentConfig& backbone) const;

 private:
  struct Link {
    std::unique_ptr<Transform> transform;
    Border border;
    Pixels apply(const Pixels& pixels, Random* random) const;  // checked; null: outside training
  };
  at::Tensor apply(const Picture& picture, Random* random) const;
  at::Tensor apply(const Picture& picture, const MediaLayout& layout, bool may_split, Random* random) const;
  std::vector<Link> links_;
  std::string names_;  // "resize_edge, center_crop"
  Location where_;     // of the last transform
};

}  // namespace flam
