// Turns 8-bit pixels into a backbone's input: (x − mean) / std for each channel, like mmengine's
// ImgDataPreprocessor.
//
//   mean, std  list of float  three each, for R, G, B, in units of 0 to 255
#include <ATen/ops/empty.h>

#include "framework/sdk.h"

namespace flam {

struct NormalizeParams {
  std::vector<double> mean = {122.770938, 116.7460125, 104.09373615};  // OpenAI's CLIP
  std::vector<double> std = {68.5005327, 66.6321579, 70.32316305};

  void visit(ParamVisitor& v) {
    v("mean", mean, "means of R, G, B, in units of 0 to 255");
    v("std", std, "standard deviations of R, G, B, in units of 0 to 255; not 0");
  }
};

/// uint8 [H,W,3] → float32 [3,H,W].
class Normalize final : public Transform {
 public:
  explicit Normalize(const NormalizeParams& params)
      : mean_(by_channel("mean", params.mean)), std_(by_channel("std", params.std)) {
    if (std_.eq(0).any().item<bool>())
      throw Error("'std' has a number that is 0, or too small for float32, and cannot be divided by");
  }

  Pixels apply(const Pixels& pixels) const override {
    const at::Tensor x = pixels.picture().permute({2, 0, 1}).to(at::kFloat, /*non_blocking=*/false,
                                                                /*copy=*/true, at::MemoryFormat::Contiguous);
    return {x.sub_(mean_).div_(std_)};
  }

 private:
  static at::Tensor by_channel(const char* name, const std::vector<double>& values) {
    if (values.size() != 3)
      throw Error(cat("'", name, "' needs three numbers (R, G, B), not ", values.size()));
    at::Tensor tensor = at::empty({3, 1, 1}, at::kFloat);
    std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<float>());
    if (!tensor.isfinite().all().item<bool>())
      throw Error(cat("'", name, "' must be a list of finite numbers"));
    return tensor;
  }

  at::Tensor mean_, std_;  // float32 [3,1,1]
};

FLAM_PLUGIN(registrar) {
  registrar.add<Normalize, NormalizeParams>("normalize",
                                            "(x - mean) / std for each channel, as float32 [3,H,W]");
}

}  // namespace flam
