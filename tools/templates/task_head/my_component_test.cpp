#include "framework/sdk.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

const TaskHead::Input kInput{"<image>", "<|endofchunk|>"};

Part image(const std::string& path) {
  return {Part::Kind::image, "", {PictureSource{path}}};
}

TEST(MyComponent, ExamplesAndQuery) {
  const Built<TaskHead> head("{type: my_component}", kInput);
  const Request request{{image("a.png"), {Part::Kind::text, "a dog", {}}, image("b.png")}, "", ""};
  const Prompt prompt = std::get<Generate>(head->task(request)).prompt;
  EXPECT_EQ(prompt.text, template_text("<image>Output:") + literal_text("a dog") +
                             template_text("<|endofchunk|><image>Output:"));
  EXPECT_EQ(prompt.media.size(), 2u);
  EXPECT_EQ(head->target("a cat"), literal_text("a cat") + template_text("<|endofchunk|>"));
}

TEST(MyComponent, TheAnswerIsTheText) {
  const Built<TaskHead> head("{type: my_component}", kInput);
  Result result;
  result.hypotheses.emplace_back().text = " a cat ";
  const Answer answer = head->answer(result);
  EXPECT_EQ(answer, (Answer{{"pred_caption", "a cat"}}));
}

TEST(MyComponent, APictureIsNeeded) {
  const Built<TaskHead> head("{type: my_component}", kInput);
  EXPECT_THROW(head->task(Request{}), Error);
}

}  // namespace
}  // namespace flam
