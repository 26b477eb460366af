// resampler `my_component`: each media token is a learned mixture of an image's patches.
#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  int64_t num_latents = 16;

  void visit(ParamVisitor& v) {
    v("num_latents", num_latents, "media tokens per image", between(1, kMostOfASize));
  }
};

/// features [B,T,F,P,D] → media tokens [B,T,num_latents,D']: averages frames, mixes patches, projects.
class MyComponent final : public Resampler {
 public:
  MyComponent(const MyComponentParams& params, const ResamplerInput& in, WeightScope& weights)
      : mixture_(weights.tensor("mixture", {params.num_latents, in.features.tokens()},
                                Init::normal(1.0 / static_cast<double>(in.features.tokens())))),
        proj_(weights, "proj", in.features.width, in.media_width) {}

  MediaShape shape() const override { return {mixture_.shape()[0], proj_.out_features()}; }

  at::Tensor forward(const Features& features) const override {
    return proj_(at::matmul(mixture_.tensor(), features.tokens.mean(2)));
  }

 private:
  Weight mixture_;
  Linear proj_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "learned mixtures of an image's patches");
}

}  // namespace flam
