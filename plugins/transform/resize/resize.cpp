// Resizes a picture to a given height and width, without keeping its aspect ratio.
//
//   size           int    height and width, pixels; or
//   height, width  int    pixels, instead of size
//   interpolation  enum   nearest | bilinear | bicubic | lanczos
//   pass_order     enum   horizontal_first | adaptive
#include "framework/sdk.h"

namespace flam {

struct ResizeParams : ResamplingParams {
  std::optional<int64_t> size, height, width;

  void visit(ParamVisitor& v) {
    v("size", size, "height and width, pixels", between(1, kMostOfASize));
    v("height", height, "height in pixels, instead of size", between(1, kMostOfASize));
    v("width", width, "width in pixels, instead of size", between(1, kMostOfASize));
    ResamplingParams::visit(v);
  }
};

/// uint8 [H,W,3] → uint8 [height,width,3].
class Resize final : public Transform {
 public:
  explicit Resize(const ResizeParams& params) : resampling_(params) {
    const bool both = params.height && params.width;
    if (params.size ? params.height || params.width : !both) {
      throw Error("give either 'size' or both 'height' and 'width'");
    }
    size_ =
        params.size ? PictureSize{*params.size, *params.size} : PictureSize{*params.height, *params.width};
  }

  Pixels apply(const Pixels& pixels) const override { return {resampling_.resize(pixels.picture(), size_)}; }

 private:
  ResamplingParams resampling_;
  PictureSize size_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<Resize, ResizeParams>("resize",
                                      "resizes to a height and a width, without keeping the aspect ratio");
}

}  // namespace flam
