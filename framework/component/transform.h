#pragma once
#include "framework/base/random.h"
#include "framework/component/types.h"
#include "framework/media/resize.h"
#include "framework/registry/component.h"

namespace flam {

/// Pixels between the decoded picture and the backbone: uint8 [H,W,3] until a transform (normalize) converts
/// them to float32 [3,H,W].
struct FLAM_API Pixels {
  at::Tensor data;

  /// Returns data, which is uint8 [H,W,3] and not empty. Error: it is anything else, because an earlier
  /// transform has converted it.
  const at::Tensor& picture() const;
};

/// How a transform resizes pictures, as parameters.
struct FLAM_API ResamplingParams {
  Interpolation interpolation = Interpolation::bicubic;
  PassOrder pass_order = PassOrder::horizontal_first;

  void visit(ParamVisitor& v);
  /// uint8 [H,W,3] → uint8 [size.height,size.width,3]. Error: as resize_like_pillow().
  at::Tensor resize(const at::Tensor& picture, const PictureSize& size) const;
};

/// transform: pixels → pixels. Applied in the order of the config's `transforms` list.
class FLAM_API Transform : public Component {
 public:
  static constexpr const char* kKind = "transform";
  struct Input {};

  ~Transform() override;
  virtual Pixels apply(const Pixels& pixels) const = 0;
  /// Called instead of apply() in training. A transform that draws at random overrides this, and draws from
  /// `random` alone, which is seeded for each picture of each step, so that a resumed run draws the same; its
  /// apply() changes nothing, or makes the choice in the middle. By default, this is apply().
  virtual Pixels augment(const Pixels& pixels, Random& random) const;
};

}  // namespace flam
