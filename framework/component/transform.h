#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"

namespace flam {

/// Pixels on their way from a decoded picture to the backbone: uint8 [H,W,3] until a transform (normalize)
/// makes them float32 [3,H,W].
struct FLAM_API Pixels {
  at::Tensor data;

  /// data as uint8 [H,W,3], not empty. Error if a transform has already made something else of it.
  const at::Tensor& picture() const;
};

/// transform: pixels → pixels. Applied in the order of the config's `transforms` list.
class FLAM_API Transform : public Component {
 public:
  static constexpr const char* kKind = "transform";
  struct Input {};

  ~Transform() override;
  virtual Pixels apply(const Pixels& pixels) const = 0;
};

}  // namespace flam
