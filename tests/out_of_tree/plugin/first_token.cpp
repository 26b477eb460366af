#include "framework/sdk.h"

namespace flam {

struct FirstTokenParams {
  void visit(ParamVisitor&) {}
};

/// One media token per image: the first of its patch tokens.
/// features [B,T,F,P,D] → media tokens [B,T,1,D].
class FirstToken final : public Resampler {
 public:
  FirstToken(const FirstTokenParams&, const ResamplerInput& in) : width_(in.features.width) {}

  MediaShape shape() const override { return {1, width_}; }
  at::Tensor forward(const Features& features) const override {
    return features.tokens.select(2, 0).narrow(2, 0, 1);
  }

 private:
  int64_t width_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<FirstToken, FirstTokenParams>("first_token", "the first patch token alone");
}

}  // namespace flam
