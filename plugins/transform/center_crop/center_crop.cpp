// Crops a square from the middle, like mmcv's CenterCrop.
//
//   size  int  height and width, pixels
#include <cmath>

#include "framework/sdk.h"

namespace flam {

struct CenterCropParams {
  int64_t size = 224;

  void visit(ParamVisitor& v) { v("size", size, "height and width, pixels", between(1, kMostOfASize)); }
};

/// uint8 [H,W,3] → uint8 [min(H,size),min(W,size),3]; a smaller picture is not padded (mmcv without
/// auto_pad).
class CenterCrop final : public Transform {
 public:
  explicit CenterCrop(const CenterCropParams& params) : size_(params.size) {}

  Pixels apply(const Pixels& pixels) const override { return {cut(cut(pixels.picture(), 0), 1)}; }

 private:
  at::Tensor cut(const at::Tensor& data, int64_t dimension) const {
    const int64_t available = data.size(dimension), length = std::min(available, size_);
    const auto offset =
        static_cast<int64_t>(std::nearbyint((available - length) / 2.0));  // halves to even, as in Python
    return data.narrow(dimension, offset, length);
  }

  int64_t size_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<CenterCrop, CenterCropParams>("center_crop", "crops a square from the middle");
}

}  // namespace flam
