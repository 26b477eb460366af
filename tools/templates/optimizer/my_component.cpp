// optimizer `my_component`: gradient descent with momentum (Polyak 1964), as in torch.optim.SGD.
#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  double momentum = 0.9;

  void visit(ParamVisitor& v) { v("momentum", momentum, "decay of the sum of gradients", between(0, 1)); }
};

class MyComponent final : public Optimizer {
 public:
  explicit MyComponent(const MyComponentParams& params) : params_(params) {}

  /// What is kept between steps, and in checkpoints: it must not be in members.
  std::vector<OptimizerState> state_of(const OptimizedTensor& tensor) const override {
    return {{"velocity", tensor.value.sizes().vec()}};
  }
  void step(std::vector<OptimizedTensor>& tensors, int64_t) const override {
    for (OptimizedTensor& tensor : tensors) {
      tensor.gradient.add_(tensor.value, tensor.weight_decay);
      tensor.state[0].mul_(params_.momentum).add_(tensor.gradient);
      tensor.value.sub_(tensor.state[0], tensor.learning_rate);
    }
  }

 private:
  MyComponentParams params_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "gradient descent with momentum");
}

}  // namespace flam
