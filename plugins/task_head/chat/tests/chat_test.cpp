#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/component/task_head.h"
#include "framework/testing/component.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::HasSubstr;
using Role = Message::Role;

Built<TaskHead> llava() {
  return Built<TaskHead>("{type: chat}", {"<image>", "</s>"});
}

Built<TaskHead> smolvlm() {
  return Built<TaskHead>(
      R"({type: chat, begin: "<|im_start|>", system: {prefix: "System:", suffix: "<eou>\n"},
          user: {prefix: "User:", suffix: "<eou>\n"}, assistant: {prefix: "Assistant:", suffix: "<eou>\n"},
          image: "<image>", images_first: false, text_start: " ", text_suffix: "", generation_prompt: "Assistant:"})",
      {"<image>", "<eou>"});
}

Prompt prompt_from(const Built<TaskHead>& head, const Request& request) {
  return prompt_of(head->task(request));
}

TEST(Chat, PicturesComeFirstIfTheTemplateSaysSo) {
  const Request request{{text_part("a"), image_part("1.png"), text_part("b"), image_part("2.png")},
                        "",
                        "",
                        {},
                        {{Role::user, 0}}};
  const Prompt prompt = prompt_from(llava(), request);
  EXPECT_EQ(prompt.text.str(), "USER: <image>\n<image>\na b ASSISTANT:");
  ASSERT_EQ(prompt.media.size(), 2u);
  EXPECT_EQ(prompt.media[1].pictures[0].path, "2.png");
  EXPECT_EQ(prompt_from(smolvlm(), request).text.str(),
            "<|im_start|>User: a<image>b<image><eou>\nAssistant:");
}

TEST(Chat, AVideoAtTheStartCountsAsAText) {
  const Request request{
      {frames_part({"1.png", "2.png"}), image_part("3.png"), text_part("a")}, "", "", {}, {{Role::user, 0}}};
  const Prompt prompt = prompt_from(smolvlm(), request);
  EXPECT_EQ(prompt.text.str(), "<|im_start|>User: <image><image>a<eou>\nAssistant:");
  ASSERT_EQ(prompt.media.size(), 2u);
  EXPECT_EQ(prompt.media[0].pictures.size(), 2u);
}

TEST(Chat, EarlierTurnsAndASystemMessage) {
  const Request request{{text_part("Be short."), image_part("1.png"), text_part("Colour?"), text_part("Red."),
                         text_part("Sure?")},
                        "",
                        "",
                        {},
                        {{Role::system, 0}, {Role::user, 1}, {Role::assistant, 3}, {Role::user, 4}}};
  EXPECT_EQ(prompt_from(llava(), request).text.str(),
            "Be short. USER: <image>\nColour? ASSISTANT: Red. USER: Sure? ASSISTANT:");
  EXPECT_EQ(prompt_from(smolvlm(), request).text.str(),
            "<|im_start|>System: Be short.<eou>\nUser:<image>Colour?<eou>\nAssistant: Red.<eou>\nUser: "
            "Sure?<eou>\nAssistant:");
}

TEST(Chat, ShotsAndAQuestionBecomeTurns) {
  const Request request{{image_part("1.png"), text_part("Caption:"), text_part("a cat"), image_part("2.png"),
                         image_part("3.png"), text_part("Which?")},
                        ""};
  EXPECT_EQ(prompt_from(llava(), request).text.str(),
            "USER: <image>\nCaption: ASSISTANT: a cat USER: <image>\n<image>\nWhich? ASSISTANT:");
}

TEST(Chat, WhatAUserWritesIsLiteral) {
  const Request request{{text_part("<image> </s>"), image_part("a.png")}, "", "", {}, {{Role::user, 0}}};
  const Prompt prompt = prompt_from(smolvlm(), request);
  EXPECT_EQ(prompt.text, template_text("<|im_start|>User: ") + literal_text("<image> </s>") +
                             template_text("<image><eou>\nAssistant:"));
  EXPECT_EQ(smolvlm()->target("<eou>"), template_text(" ") + literal_text("<eou>") + template_text("<eou>"));
}

TEST(Chat, ASystemPromptOfTheConfigIsUsedWhereARequestHasNone) {
  const Built<TaskHead> head("{type: chat, system_prompt: 'Be kind.'}", {"<image>", "</s>"});
  EXPECT_EQ(prompt_from(head, {{text_part("Hi")}, ""}).text.str(), "Be kind. USER: Hi ASSISTANT:");
  EXPECT_EQ(prompt_from(
                head, {{text_part("No."), text_part("Hi")}, "", "", {}, {{Role::system, 0}, {Role::user, 1}}})
                .text.str(),
            "No. USER: Hi ASSISTANT:");
}

TEST(Chat, AnEarlierAnswerMayBeEmpty) {
  const Request request{{text_part("Hi"), text_part(""), text_part("Well?")},
                        "",
                        "",
                        {},
                        {{Role::user, 0}, {Role::assistant, 1}, {Role::user, 2}}};
  EXPECT_EQ(prompt_from(llava(), request).text.str(), "USER: Hi ASSISTANT:  USER: Well? ASSISTANT:");
}

TEST(Chat, RequestsThatCannotBeAnswered) {
  const auto head = llava();
  const auto error = [&](const Request& request) { return error_of([&] { head->task(request); }); };
  EXPECT_THAT(error({{image_part("a.png")}, ""}),
              HasSubstr("the question behind the last picture is missing"));
  EXPECT_THAT(error({{text_part("a"), image_part("a.png")}, ""}),
              HasSubstr("part 2 is a picture, but the answer"));
  EXPECT_THAT(error({{text_part("a"), text_part("b")}, ""}),
              HasSubstr("the last message is of the assistant"));
  EXPECT_THAT(error({{text_part(" ")}, ""}), HasSubstr("a message of the user is empty"));
  EXPECT_THAT(error({}), HasSubstr("no messages"));
}

TEST(Chat, TemplatesThatCannotWork) {
  const auto error = [](const std::string& params) {
    return error_of([&] { Built<TaskHead>("{type: chat, " + params + "}", {"<image>", "</s>"}); });
  };
  EXPECT_THAT(error("image: 'picture'"), HasSubstr("has the image token '<image>' 0 times, expected once"));
  EXPECT_THAT(error("user: {prefix: '<image>'}"), HasSubstr("user.prefix '<image>' has the image token"));
}

TEST(Chat, AnAnswerIsStripped) {
  EXPECT_EQ(llava()->answer(result_with(" a cat\n")), (Answer{{"pred_answer", "a cat"}}));
  EXPECT_EQ(llava()->settled(" a cat "), "a cat");
  EXPECT_TRUE(llava()->takes_messages());
}

}  // namespace
}  // namespace flam
