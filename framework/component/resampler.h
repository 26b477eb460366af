#pragma once
#include "framework/component/types.h"
#include "framework/registry/component.h"
#include "framework/weights/naming.h"

namespace flam {

/// What a resampler is built for.
struct ResamplerInput {
  FeatureShape features;  // of the backbone
  int64_t media_width =
      0;  // required by the adapter, or else the backbone's width; ignored if the resampler's width is fixed
};

/// resampler: Features{tokens [B,T,F,P,D]} → media tokens [B,T,L,D'].
class FLAM_API Resampler : public Component {
 public:
  static constexpr const char* kKind = "resampler";
  using Input = ResamplerInput;

  ~Resampler() override;
  virtual MediaShape shape() const = 0;
  virtual at::Tensor forward(const Features& features) const = 0;
  virtual const std::vector<NamingTable>& naming_tables() const;
};

}  // namespace flam
