#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"
#include "framework/weights/naming.h"

namespace flam {

/// vision_backbone: pixels float [N,3,H,W] (normalised) → Features{tokens [N,P,D]}.
class FLAM_API VisionBackbone : public Component {
 public:
  static constexpr const char* kKind = "vision_backbone";
  struct Input {};

  ~VisionBackbone() override;
  virtual int64_t image_size() const = 0;  // H = W, pixels
  virtual FeatureShape shape() const = 0;
  virtual Features forward(const at::Tensor& pixels) const = 0;
  virtual const std::vector<NamingTable>& naming_tables() const;
};

}  // namespace flam
