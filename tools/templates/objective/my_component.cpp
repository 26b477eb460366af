// objective `my_component`: the focal loss of answers given the picture, in which an id that the model gives
// probability p counts (1 − p)^γ times −log p (Lin et al. 2017, equation 4).
#include <ATen/TensorOperators.h>

#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams {
  double gamma = 2;

  void visit(ParamVisitor& v) { v("gamma", gamma, "how little ids count that are learnt", at_least(0)); }
};

class MyComponent final : public Objective {
 public:
  MyComponent(const MyComponentParams& params, const Input& in) : params_(params), tasks_(in.tasks) {}

  /// One loss for each task, called like what the task answers.
  std::vector<std::string> names() const override { return tasks_; }
  std::vector<at::Tensor> losses(const TrainingBatch& batch) const override {
    std::vector<at::Tensor> out;
    for (size_t task = 0; task < tasks_.size(); ++task) {
      const LearntTokens tokens = learnt_tokens(batch, task, TextSees::pictures, LearntText::answers);
      const at::Tensor logs = tokens.logits.log_softmax(1).gather(1, tokens.target.unsqueeze(1));
      out.push_back(((1 - logs.exp()).pow(params_.gamma) * -logs).mean());
    }
    return out;
  }

 private:
  MyComponentParams params_;
  std::vector<std::string> tasks_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "the focal loss of answers");
}

}  // namespace flam
