// task_head 'vqa': gives short answers to questions about the picture, with the prompts and clean-up of
// mmpretrain's Flamingo.

#include "framework/sdk.h"

namespace flam {
namespace {

struct VqaParams : PromptingParams {
  VqaParams() {
    shot_prompt = "<image>Question:{question} Short Answer:{answer}<|endofchunk|>";
    final_prompt = "<image>Question:{question} Short Answer:";
    cut_at = {"Question", "Answer"};
  }
};

class Vqa final : public TaskHead {
 public:
  Vqa(const VqaParams& params, const Input& in) : prompting_(params, in, {"question", "answer"}) {}

  Task task(const Request& request) const override { return Generate{prompting_.prompt(request)}; }
  MarkedText target(const std::string& answer) const override { return prompting_.target(answer); }
  Answer answer(const Result& result) const override { return {{answer_field(), prompting_.clean(result)}}; }
  std::string settled(const std::string& text) const override { return prompting_.settled(text); }
  const char* answer_field() const override { return "pred_answer"; }
  bool needs_question() const override { return true; }

 private:
  Prompting prompting_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Vqa, VqaParams>("vqa", "short answers to questions, from shots or without");
}

}  // namespace flam
