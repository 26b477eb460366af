// The cross-entropy of the ids of each task, a loss of its own ("pred_caption", "pred_answer", …), which is
// the mean over all ids that are learnt:
//
//   answers  the answers, given the pictures
//   text     prompts and answers, by the decoder alone
//
//   label_smoothing  float  ε: an id counts 1 − ε of it, and every id of the vocabulary an equal share of ε
//                           (Szegedy et al. 2016, section 7)
#include <ATen/ops/cross_entropy_loss.h>

#include "framework/sdk.h"

namespace flam {
namespace {

struct TextParams {
  double label_smoothing = 0;

  void visit(ParamVisitor& v) {
    v("label_smoothing", label_smoothing,
      "the share of each target that is spread evenly over the vocabulary", between(0, 1));
  }
};

template <TextSees sees, LearntText learnt>
class TokenLoss final : public Objective {
 public:
  TokenLoss(const TextParams& params, const Input& in) : params_(params), names_(in.tasks) {}

  bool needs_pictures() const override { return sees == TextSees::pictures; }
  std::vector<std::string> names() const override { return names_; }
  std::vector<at::Tensor> losses(const TrainingBatch& batch) const override {
    std::vector<at::Tensor> out;
    for (size_t task = 0; task < names_.size(); ++task) {
      const LearntTokens tokens = learnt_tokens(batch, task, sees, learnt);
      out.push_back(at::cross_entropy_loss(tokens.logits, tokens.target, /*weight=*/{}, at::Reduction::Mean,
                                           /*ignore_index=*/-100, params_.label_smoothing));
    }
    return out;
  }

 private:
  TextParams params_;
  std::vector<std::string> names_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<TokenLoss<TextSees::pictures, LearntText::answers>, TextParams>(
      "answers", "captions and answers, given the picture");
  registrar.add<TokenLoss<TextSees::nothing, LearntText::everything>, TextParams>(
      "text", "prompts and answers without pictures, by the decoder alone");
}

}  // namespace flam
