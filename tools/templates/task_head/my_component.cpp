// task_head `my_component`: asks what is in a picture, with or without examples.
#include "framework/sdk.h"

namespace flam {
namespace {

struct MyComponentParams : PromptingParams {
  MyComponentParams() {
    shot_prompt = "<image>Output:{caption}<|endofchunk|>";
    final_prompt = "<image>Output:";
    strip = true;
  }
};

/// Any number of examples {image}{text}, then the query {image} → {"pred_caption": the model's text}.
class MyComponent final : public TaskHead {
 public:
  MyComponent(const MyComponentParams& params, const Input& in) : prompting_(params, in, {"caption"}) {}

  Task task(const Request& request) const override { return Generate{prompting_.prompt(request)}; }
  MarkedText target(const std::string& answer) const override { return prompting_.target(answer); }
  Answer answer(const Result& result) const override { return {{answer_field(), prompting_.clean(result)}}; }
  const char* answer_field() const override { return "pred_caption"; }
  bool needs_question() const override { return false; }

 private:
  Prompting prompting_;
};

}  // namespace

FLAM_PLUGIN(registrar) {
  registrar.add<MyComponent, MyComponentParams>("my_component", "says what is in a picture");
}

}  // namespace flam
