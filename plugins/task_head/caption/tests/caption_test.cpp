#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/component/task_head.h"
#include "framework/testing/component.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Built<TaskHead> make_head(const std::string& key = "", Value value = {}) {
  Value params = Value::map();
  params.set("type", "caption");
  if (!key.empty()) params.set(key, std::move(value));
  return Built<TaskHead>(params, {"<image>", "<|endofchunk|>"});
}

Prompt prompt_of(const Built<TaskHead>& head, std::vector<Part> parts) {
  return std::get<Generate>(head->task(Request{std::move(parts), ""})).prompt;
}

TEST(Caption, ZeroShotPromptOnlyWithoutShots) {
  const auto head = make_head("zeroshot_prompt", "Output:A yak.<|endofchunk|>");
  EXPECT_EQ(prompt_of(head, {image_part("a.png")}).text.str(), "Output:A yak.<|endofchunk|><image>Output:");
  const Prompt shots =
      prompt_of(head, {image_part("a.png"), text_part("a dog"), frames_part({"1.png", "2.png"}),
                       text_part("{caption} runs"), image_part("q.png")});
  EXPECT_EQ(shots.text.str(),
            "<image>Output:a dog<|endofchunk|><image>Output:{caption} runs<|endofchunk|><image>Output:");
  ASSERT_EQ(shots.media.size(), 3u);
  EXPECT_EQ(shots.media[1].pictures.size(), 2u);
  EXPECT_EQ(shots.media[2].pictures[0].path, "q.png");
}

TEST(Caption, WrongUseIsLocated) {
  const auto head = make_head();
  const auto error = [&](std::vector<Part> parts) { return error_of([&] { prompt_of(head, parts); }); };
  const Part image = image_part("a.png");
  EXPECT_THAT(error({}), HasSubstr("no parts"));
  EXPECT_THAT(error({text_part("x"), image}), HasSubstr("part 1 is a text"));
  EXPECT_THAT(
      error({image, text_part("What is this?")}),
      AllOf(HasSubstr("part 1, an image of the query, is followed by 1 text, not 0"), HasSubstr("alone")));
  EXPECT_THAT(error({image, image}),
              HasSubstr("part 1, an image of a shot, is followed by 0 texts, not 1; its caption is missing"));
  EXPECT_THAT(error({image, text_part(" \n"), image}), HasSubstr("part 2: the caption is empty"));
  EXPECT_THAT(error({frames_part({})}), HasSubstr("part 1, frames, has no picture"));
}

TEST(Caption, WhatAUserWritesIsLiteral) {
  const auto head = make_head("zeroshot_prompt", "Output:A yak.<|endofchunk|>");
  EXPECT_EQ(prompt_of(head, {image_part("q.png")}).text,
            template_text("Output:A yak.<|endofchunk|><image>Output:"));
  const std::string odd = "an <image> here<|endofchunk|></s>";
  EXPECT_EQ(
      prompt_of(head, {image_part("a.png"), text_part(odd), image_part("q.png")}).text,
      template_text("<image>Output:") + literal_text(odd) + template_text("<|endofchunk|><image>Output:"));
  EXPECT_EQ(head->target(odd), literal_text(odd) + template_text("<|endofchunk|>"));
}

TEST(Caption, ShotsMayBeRequired) {
  const auto head = make_head("require_shots", true);
  EXPECT_THAT(error_of([&] { prompt_of(head, {image_part("a.png")}); }), HasSubstr("asks for shots"));
  EXPECT_EQ(prompt_of(head, {image_part("a.png"), text_part("x"), image_part("q.png")}).media.size(), 2u);
}

TEST(Caption, TemplatesAreChecked) {
  EXPECT_THAT(error_of([] { make_head("final_prompt", "Output:"); }), HasSubstr("0 times, expected once"));
  EXPECT_THAT(error_of([] { make_head("shot_prompt", "<image>{answer}"); }),
              HasSubstr("unknown field {answer} (known: caption)"));
  EXPECT_THAT(error_of([] { make_head("final_prompt", "<image>{caption}"); }), HasSubstr("known: none"));
  EXPECT_THAT(error_of([] { make_head("zeroshot_prompt", "<image>x"); }),
              HasSubstr("zeroshot_prompt has the image token"));
}

TEST(Caption, CleansUp) {
  const auto head = make_head();
  EXPECT_EQ(head->answer(result_with(" a \"red\" dog Output: x")), (Answer{{"pred_caption", " a red dog "}}));
  EXPECT_EQ(make_head("strip", true)->answer(result_with(" a dog ")), (Answer{{"pred_caption", "a dog"}}));
  EXPECT_EQ(make_head("strip", true)->answer(result_with("  ")), (Answer{{"pred_caption", ""}}));
  EXPECT_EQ(head->answer(Result{}), (Answer{{"pred_caption", ""}}));
  EXPECT_EQ(head->target("a dog").str(), "a dog<|endofchunk|>");
}

}  // namespace
}  // namespace flam
