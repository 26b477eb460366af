// Crops a square from the middle, like mmcv's CenterCrop or Hugging Face's CLIPImageProcessor.
//
//   size             int   height and width, pixels
//   offset_rounding  enum  half_even | down
#include <cmath>

#include "framework/sdk.h"

namespace flam {

struct CenterCropParams {
  enum class Rounding { half_even, down };

  int64_t size = 224;
  Rounding offset_rounding = Rounding::half_even;

  void visit(ParamVisitor& v) {
    v("size", size, "height and width, pixels", between(1, kMostOfASize));
    v("offset_rounding", offset_rounding,
      "how the offset (length - size) / 2 of the crop is rounded: half_even (mmcv) or down (Hugging Face)",
      choices("half_even", "down"));
  }
};

/// uint8 [H,W,3] → uint8 [min(H,size),min(W,size),3]; a smaller picture is not padded (mmcv without
/// auto_pad).
class CenterCrop final : public Transform {
 public:
  explicit CenterCrop(const CenterCropParams& params) : params_(params) {}

  Pixels apply(const Pixels& pixels) const override { return {cut(cut(pixels.picture(), 0), 1)}; }

 private:
  at::Tensor cut(const at::Tensor& data, int64_t dimension) const {
    const int64_t available = data.size(dimension), length = std::min(available, params_.size);
    const double offset = (available - length) / 2.0;
    const bool down = params_.offset_rounding == CenterCropParams::Rounding::down;
    // std::nearbyint rounds halves to even, as Python's round() does.
    return data.narrow(dimension, static_cast<int64_t>(down ? std::floor(offset) : std::nearbyint(offset)),
                       length);
  }

  CenterCropParams params_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<CenterCrop, CenterCropParams>("center_crop", "crops a square from the middle");
}

}  // namespace flam
