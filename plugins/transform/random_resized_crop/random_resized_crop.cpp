// Cuts a rectangle of random size and aspect ratio out of a picture in training and resizes it, like
// torchvision's RandomResizedCrop with pictures of Pillow (the crops of Szegedy et al. 2015). Outside
// training it takes the middle of the picture.
//
//   size           int            height and width of the result, pixels
//   scale          list of float  smallest and largest area of the rectangle, as a share of the picture's
//   ratio          list of float  smallest and largest aspect ratio of the rectangle, width / height
//   interpolation  enum           nearest | bilinear | bicubic | lanczos
//   pass_order     enum           horizontal_first | adaptive
#include <cmath>

#include "framework/sdk.h"

namespace flam {

struct RandomResizedCropParams : ResamplingParams {
  int64_t size = 224;
  std::vector<double> scale = {0.08, 1.0}, ratio = {3.0 / 4.0, 4.0 / 3.0};

  RandomResizedCropParams() { interpolation = Interpolation::bilinear; }

  void visit(ParamVisitor& v) {
    v("size", size, "height and width of the result, pixels", between(1, kMostOfASize));
    v("scale", scale, "smallest and largest area of the rectangle, as a share of the picture's area");
    v("ratio", ratio, "smallest and largest aspect ratio of the rectangle, width / height");
    ResamplingParams::visit(v);
  }
};

/// uint8 [H,W,3] → uint8 [size,size,3].
class RandomResizedCrop final : public Transform {
 public:
  explicit RandomResizedCrop(const RandomResizedCropParams& params) : params_(params) {
    check("scale", params.scale, 1);
    check("ratio", params.ratio, 1e6);
  }

  Pixels apply(const Pixels& pixels) const override {
    return cut(pixels.picture(), middle(pixels.picture().size(0), pixels.picture().size(1)));
  }
  Pixels augment(const Pixels& pixels, Random& random) const override {
    return cut(pixels.picture(), draw(pixels.picture().size(0), pixels.picture().size(1), random));
  }

 private:
  struct Rectangle {
    int64_t top, left, height, width;
  };

  static void check(const char* name, const std::vector<double>& range, double most) {
    if (range.size() == 2 && range[0] > 0 && range[0] <= range[1] && range[1] <= most) return;
    throw Error(cat("'", name, "' needs two numbers, the smaller one first, above 0 and at most ", most));
  }

  // std::nearbyint rounds halves to even, as Python's round() does.
  static int64_t round(double x) { return static_cast<int64_t>(std::nearbyint(x)); }

  /// RandomResizedCrop.get_params().
  Rectangle draw(int64_t height, int64_t width, Random& random) const {
    const double area = static_cast<double>(height) * static_cast<double>(width);
    for (int attempt = 0; attempt < 10; ++attempt) {
      const double target = area * random.uniform(params_.scale[0], params_.scale[1]);
      const double ratio = std::exp(random.uniform(std::log(params_.ratio[0]), std::log(params_.ratio[1])));
      const int64_t w = round(std::sqrt(target * ratio)), h = round(std::sqrt(target / ratio));
      if (w < 1 || w > width || h < 1 || h > height) continue;
      const auto top = static_cast<int64_t>(random.below(static_cast<size_t>(height - h + 1)));
      const auto left = static_cast<int64_t>(random.below(static_cast<size_t>(width - w + 1)));
      return {top, left, h, w};
    }
    return middle(height, width);
  }

  /// The largest rectangle in the middle with an aspect ratio of the range.
  Rectangle middle(int64_t height, int64_t width) const {
    const double ratio = static_cast<double>(width) / static_cast<double>(height);
    int64_t h = height, w = width;
    if (ratio < params_.ratio[0]) h = round(static_cast<double>(width) / params_.ratio[0]);
    if (ratio > params_.ratio[1]) w = round(static_cast<double>(height) * params_.ratio[1]);
    h = std::max<int64_t>(1, h);
    w = std::max<int64_t>(1, w);
    return {(height - h) / 2, (width - w) / 2, h, w};
  }

  Pixels cut(const at::Tensor& picture, const Rectangle& from) const {
    const at::Tensor part =
        picture.narrow(0, from.top, from.height).narrow(1, from.left, from.width).contiguous();
    return {params_.resize(part, {params_.size, params_.size})};
  }

  RandomResizedCropParams params_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<RandomResizedCrop, RandomResizedCropParams>(
      "random_resized_crop", "cuts out a random rectangle in training, and resizes it to a square");
}

}  // namespace flam
