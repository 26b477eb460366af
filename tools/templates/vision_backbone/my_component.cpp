// vision_backbone `my_component`: a linear projection of square patches, and a feed-forward on each patch.
#include <ATen/TensorOperators.h>

#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  int64_t image_size = 224;
  int64_t patch_size = 16;
  int64_t hidden_size = 256;

  void visit(ParamVisitor& v) {
    v("image_size", image_size, "height and width of the pictures, pixels", between(1, kMostOfASize));
    v("patch_size", patch_size, "height and width of a patch, pixels", between(1, kMostOfASize));
    v("hidden_size", hidden_size, "width of the features", between(1, kMostOfASize));
  }
};

/// pixels [N,3,S,S] → features [N,P,D], P = (S / patch_size)², row by row.
class MyComponent final : public VisionBackbone {
 public:
  MyComponent(const MyComponentParams& params, const Input&, WeightScope& weights)
      : params_(params),
        grid_(params.image_size / params.patch_size),
        patches_(weights, "patches", 3 * params.patch_size * params.patch_size, params.hidden_size),
        norm_(weights, "norm", params.hidden_size),
        up_(weights, "up", params.hidden_size, 4 * params.hidden_size),
        down_(weights, "down", 4 * params.hidden_size, params.hidden_size) {
    if (params.image_size % params.patch_size != 0) {
      throw Error(
          cat("image_size ", params.image_size, " is not a multiple of patch_size ", params.patch_size));
    }
  }

  int64_t image_size() const override { return params_.image_size; }
  FeatureShape shape() const override { return {params_.hidden_size, grid_, grid_, /*prefix_tokens=*/0}; }

  Features forward(const at::Tensor& pixels) const override {
    const int64_t n = pixels.size(0), p = params_.patch_size;
    const at::Tensor flat = pixels.reshape({n, 3, grid_, p, grid_, p})
                                .permute({0, 2, 4, 1, 3, 5})
                                .reshape({n, grid_ * grid_, 3 * p * p});
    const at::Tensor x = patches_(flat);
    return {add_residual(x, down_(activate(up_(norm_(x)), Activation::gelu))), grid_, grid_, 0};
  }

 private:
  MyComponentParams params_;
  int64_t grid_;
  Linear patches_;
  LayerNorm norm_;
  Linear up_, down_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "projected square patches");
}

}  // namespace flam
