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

/// Error: the pixels are not [N,3,image_size,image_size]. `backbone` is the component's name in the message.
FLAM_API void check_pixels(const at::Tensor& pixels, int64_t image_size, const char* backbone);

/// Converts a feature map [N,D,h,w] to features [N,h·w,D]: the positions row by row, without prefix tokens.
FLAM_API Features features_of_map(const at::Tensor& map);

}  // namespace flam
