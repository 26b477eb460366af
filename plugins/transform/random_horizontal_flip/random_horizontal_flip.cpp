// Mirrors pictures in training, like torchvision's RandomHorizontalFlip. Outside training it does nothing.
//
//   p  float  probability
#include "framework/sdk.h"

namespace flam {

struct RandomHorizontalFlipParams {
  double p = 0.5;

  void visit(ParamVisitor& v) { v("p", p, "probability that a picture is mirrored", between(0, 1)); }
};

/// uint8 [H,W,3] → the same shape.
class RandomHorizontalFlip final : public Transform {
 public:
  explicit RandomHorizontalFlip(const RandomHorizontalFlipParams& params) : params_(params) {}

  Pixels apply(const Pixels& pixels) const override { return {pixels.picture()}; }
  Pixels augment(const Pixels& pixels, Random& random) const override {
    return {random.chance(params_.p) ? pixels.picture().flip({1}) : pixels.picture()};
  }

 private:
  RandomHorizontalFlipParams params_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<RandomHorizontalFlip, RandomHorizontalFlipParams>("random_horizontal_flip",
                                                                  "mirrors pictures at random in training");
}

}  // namespace flam
