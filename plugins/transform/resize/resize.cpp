// Resizes a picture to a given height and width, without keeping its aspect ratio.
//
//   size           int    height and width, pixels; or
//   height, width  int    pixels, instead of size
//   interpolation  enum   nearest | bilinear | bicubic
#include "framework/sdk.h"

namespace flam {

struct ResizeParams {
  std::optional<int64_t> size, height, width;
  Interpolation interpolation = Interpolation::bicubic;

  void visit(ParamVisitor& v) {
    v("size", size, "height and width, pixels", between(1, kMostOfASize));
    v("height", height, "height in pixels, instead of size", between(1, kMostOfASize));
    v("width", width, "width in pixels, instead of size", between(1, kMostOfASize));
    v("interpolation", interpolation, "interpolation, as in Pillow",
      choices("nearest", "bilinear", "bicubic"));
  }
};

/// uint8 [H,W,3] → uint8 [height,width,3].
class Resize final : public Transform {
 public:
  explicit Resize(const ResizeParams& params) : interpolation_(params.interpolation) {
    const bool both = params.height && params.width;
    if (params.size ? params.height || params.width : !both) {
      throw Error("give either 'size' or both 'height' and 'width'");
    }
    height_ = params.size ? *params.size : *params.height;
    width_ = params.size ? *params.size : *params.width;
  }

  Pixels apply(const Pixels& pixels) const override {
    return {resize_like_pillow(pixels.picture(), height_, width_, interpolation_)};
  }

 private:
  int64_t height_, width_;
  Interpolation interpolation_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<Resize, ResizeParams>("resize",
                                      "resizes to a height and a width, without keeping the aspect ratio");
}

}  // namespace flam
