#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/component/task_head.h"
#include "framework/testing/component.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::HasSubstr;

Built<TaskHead> make_head() {
  return Built<TaskHead>("{type: vqa}", {"<image>", "<|endofchunk|>"});
}

TEST(Vqa, ShotsAndQuery) {
  const auto head = make_head();
  const Request request{{image_part("a.png"), text_part("What?"), text_part("{question}"),
                         image_part("b.png"), text_part("Who?")},
                        ""};
  const Prompt prompt = std::get<Generate>(head->task(request)).prompt;
  EXPECT_EQ(prompt.text.str(),
            "<image>Question:What? Short Answer:{question}<|endofchunk|><image>Question:Who? Short Answer:");
  EXPECT_EQ(prompt.media.size(), 2u);
}

TEST(Vqa, AQuestionIsNeeded) {
  const auto head = make_head();
  EXPECT_TRUE(head->needs_question());
  const auto error = [&](std::vector<Part> parts) {
    return error_of([&] { head->task(Request{parts, ""}); });
  };
  EXPECT_THAT(error({image_part("a.png")}), HasSubstr("its question is missing"));
  EXPECT_THAT(error({image_part("a.png"), text_part("")}), HasSubstr("part 2: the question is empty"));
  EXPECT_THAT(error({image_part("a.png"), text_part("What?"), image_part("b.png"), text_part("Who?")}),
              HasSubstr("part 1, an image of a shot, is followed by 1 text, not 2; its answer is missing"));
}

TEST(Vqa, WhatAUserWritesIsLiteral) {
  const auto head = make_head();
  const Request request{{image_part("a.png"), text_part("<image>?"), text_part("<|endofchunk|>"),
                         image_part("b.png"), text_part("</s><s>Question:")},
                        ""};
  EXPECT_EQ(prompt_of(head->task(request)).text,
            template_text("<image>Question:") + literal_text("<image>?") + template_text(" Short Answer:") +
                literal_text("<|endofchunk|>") + template_text("<|endofchunk|><image>Question:") +
                literal_text("</s><s>Question:") + template_text(" Short Answer:"));
  EXPECT_EQ(head->target("</s>"), literal_text("</s>") + template_text("<|endofchunk|>"));
}

TEST(Vqa, CutsAndKeepsTheRest) {
  const auto head = make_head();
  EXPECT_EQ(head->answer(result_with("4 Short Answer: 5")), (Answer{{"pred_answer", "4 Short "}}));
  EXPECT_EQ(head->answer(result_with("\"red\" Question:")), (Answer{{"pred_answer", "\"red\" "}}));
}

}  // namespace
}  // namespace flam
