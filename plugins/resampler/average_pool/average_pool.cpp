// The baseline for resamplers with attention: projects averages of square windows of the patch grid.
#include <ATen/TensorOperators.h>
#include <ATen/ops/adaptive_avg_pool2d.h>

#include <algorithm>
#include <cmath>

#include "framework/sdk.h"

namespace flam {

struct AveragePoolParams {
  int64_t num_latents = 64;

  void visit(ParamVisitor& v) {
    v("num_latents", num_latents, "media tokens per image; a square number, for example 64 for 8 × 8 windows",
      between(1, kMostOfASize));
  }
};

/// features [B,T,F,P,D] → media tokens [B,T,num_latents,D'], D' the requested media width, row by row.
/// Frames are averaged, so the tokens of a video are those of its mean frame. Prefix tokens are left out. If
/// a side is not a multiple of the number of windows, windows overlap by one patch (torch's
/// AdaptiveAvgPool2d).
class AveragePool final : public Resampler {
 public:
  AveragePool(const AveragePoolParams& params, const ResamplerInput& in, WeightScope& weights)
      : side_(side_of(params.num_latents, in.features)),
        proj_(weights, "proj", in.features.width, in.media_width) {}

  MediaShape shape() const override { return {side_ * side_, proj_.out_features()}; }

  at::Tensor forward(const Features& features) const override {
    const int64_t batch = features.tokens.size(0), images = features.tokens.size(1);
    const at::Tensor grid = features.tokens.mean(2)
                                .narrow(2, features.prefix_tokens, features.grid_h * features.grid_w)
                                .flatten(0, 1)
                                .transpose(1, 2)
                                .unflatten(-1, {features.grid_h, features.grid_w});
    const at::Tensor pooled = at::adaptive_avg_pool2d(grid, {side_, side_});
    return proj_(pooled.flatten(2).transpose(1, 2)).unflatten(0, {batch, images});
  }

 private:
  static int64_t side_of(int64_t num_latents, const FeatureShape& features) {
    const auto side = static_cast<int64_t>(std::floor(std::sqrt(static_cast<double>(num_latents))));
    if (side * side != num_latents) {
      throw Error(cat("num_latents is ", num_latents, ", which is not a square number; the nearest are ",
                      side * side, " and ", (side + 1) * (side + 1)));
    }
    if (const int64_t most = std::min(features.grid_h, features.grid_w); side > most) {
      throw Error(cat("num_latents is ", num_latents, " (", side, " × ", side,
                      " windows), but there are only ", features.grid_h, " × ", features.grid_w,
                      " patches; set at most ", most * most));
    }
    return side;
  }

  int64_t side_;
  Linear proj_;
};

}  // namespace flam

FLAM_PLUGIN(registrar) {
  registrar.add<flam::AveragePool, flam::AveragePoolParams>(
      "average_pool",
      "averages of square windows of the patch grid; frames are averaged, prefix tokens are left out");
}
