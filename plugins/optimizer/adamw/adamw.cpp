// AdamW: Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019, algorithm 2, with the
// decay multiplied by the learning rate, as in torch.optim.AdamW).
//
//   beta1, beta2  float  decay of the first and the second moment
//   eps           float  added to the root of the second moment
#include "framework/sdk.h"

namespace flam {

class AdamW final : public Optimizer {
 public:
  explicit AdamW(const AdamWParams& params) : params_(params) {}

  std::vector<OptimizerState> state_of(const OptimizedTensor& tensor) const override {
    return AdamWParams::state_of(tensor);
  }
  void step(std::vector<OptimizedTensor>& tensors, int64_t step) const override {
    std::vector<OptimizedTensor*> all;
    for (OptimizedTensor& tensor : tensors) all.push_back(&tensor);
    params_.step(all, step);
  }

 private:
  AdamWParams params_;
};

FLAM_PLUGIN(registrar) {
  registrar.add<AdamW, AdamWParams>("adamw", "Adam with weight decay apart from the gradient");
}

}  // namespace flam
