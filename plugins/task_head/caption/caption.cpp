// task_head 'caption': describes the picture, with the prompts and clean-up of mmpretrain's Flamingo.

#include "framework/sdk.h"

namespace flam {
namespace {

struct CaptionParams : PromptingParams {
  CaptionParams() {
    shot_prompt = "<image>Output:{caption}<|endofchunk|>";
    final_prompt = "<image>Output:";
    cut_at = {"Output"};
    remove = {"\""};
  }
};

class Caption final : public TaskHead {
 public:
  Caption(const CaptionParams& params, const Input& in) : prompting_(params, in, {"caption"}) {}

  Task task(const Request& request) const override { return Generate{prompting_.prompt(request)}; }
  MarkedText target(const std::string& answer) const override { return prompting_.target(answer); }
  Answer answer(const Result& result) const override { return {{answer_field(), prompting_.clean(result)}}; }
  std::string settled(const std::string& text) const override { return prompting_.settled(text); }
  const char* answer_field() const override { return "pred_caption"; }
  bool needs_question() const override { return false; }

 private:
  Prompting prompting_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<Caption, CaptionParams>("caption", "captions, from shots or without");
}

}  // namespace flam
