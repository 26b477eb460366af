#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/component/task_head.h"
#include "framework/config/config.h"
#include "tests/support/component.h"
#include "tests/support/requests.h"

namespace flam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// The component that a line of a config names.
std::unique_ptr<TaskHead> make_head(const std::string& yaml) {
  ErrorList errors;
  const ComponentConfig config = built_plugins().parse(TaskHead::kKind, parse_yaml(yaml, "test"), errors);
  errors.throw_if_any();
  return built_plugins().build<TaskHead>(config, {"<image>", "<|endofchunk|>"});
}

Request question(std::vector<std::string> candidates = {}) {
  return {{image_part("a.png"), text_part("What?")}, "", "", std::move(candidates)};
}

Score scored(const TaskHead& head, const Request& request) {
  return std::get<Score>(head.task(request));
}

TEST(Ranking, prompts_with_shots_and_the_configs_candidates) {
  const auto head = make_head("{type: ranking, candidates: ['yes', 'no']}");
  const Request request{
      {image_part("a.png"), text_part("What?"), text_part("4"), image_part("b.png"), text_part("Who?")}, ""};
  const Score score = scored(*head, request);
  EXPECT_EQ(score.prompt.text.str(),
            "<image>Question:What? Short Answer:4<|endofchunk|><image>Question:Who? Short Answer:");
  EXPECT_EQ(score.prompt.media.size(), 2u);
  EXPECT_THAT(score.candidates, ElementsAre("yes", "no"));
  EXPECT_EQ(score.end, "");
  EXPECT_EQ(score.length_normalization, Score::LengthNormalization::mean);
  EXPECT_FALSE(score.calibration);
  EXPECT_EQ(prompt_of(head->task(request)).text, score.prompt.text);
}

TEST(Ranking, a_requests_own_candidates_go_first) {
  const auto head = make_head("{type: ranking, candidates: ['yes', 'no']}");
  EXPECT_THAT(scored(*head, question({"red", "blue", "green"})).candidates,
              ElementsAre("red", "blue", "green"));
  EXPECT_THAT(scored(*make_head("{type: ranking}"), question({"red", "blue"})).candidates,
              ElementsAre("red", "blue"));
}

TEST(Ranking, what_is_scored_is_chosen_by_parameters) {
  const auto head = make_head(
      "{type: ranking, candidates: ['yes', 'no'], length_normalization: sum, score_end: true, calibrate: "
      "true, "
      "zeroshot_prompt: 'Look. '}");
  const Score score = scored(*head, question());
  EXPECT_EQ(score.end, "<|endofchunk|>");
  EXPECT_EQ(score.length_normalization, Score::LengthNormalization::sum);
  ASSERT_TRUE(score.calibration);
  EXPECT_EQ(score.prompt.text.str(), "Look. <image>Question:What? Short Answer:");
  EXPECT_EQ(score.calibration->text.str(), "Look. Question:What? Short Answer:");
  EXPECT_TRUE(score.calibration->media.empty());
}

TEST(Ranking, refuses_what_is_no_choice) {
  const auto head = make_head("{type: ranking}");
  const auto error = [&](const std::vector<std::string>& candidates) {
    return error_of([&] { head->task(question(candidates)); });
  };
  EXPECT_THAT(error({}), HasSubstr("there are no candidates to choose from; list them as"));
  EXPECT_THAT(error({"red"}), HasSubstr("there is one candidate, 'red', so there is nothing to choose"));
  EXPECT_THAT(error({"red", " \n"}), HasSubstr("candidate 2 is empty"));
  EXPECT_THAT(error({"red", "blue", "red"}), HasSubstr("candidate 'red' is given twice"));
  EXPECT_EQ(error({"red", "Red"}), "");
  EXPECT_THAT(error_of([] { make_head("{type: ranking, candidates: ['yes']}"); }),
              HasSubstr("there is one candidate, 'yes'"));
  EXPECT_THAT(error_of([&] {
                head->task(Request{{image_part("a.png")}, "", "", {"yes", "no"}});
              }),
              HasSubstr("its question is missing"));
}

TEST(Ranking, what_a_user_writes_is_literal) {
  const auto head = make_head("{type: ranking, calibrate: true, score_end: true}");
  const std::vector<std::string> odd = {"a<image>", "<|endofchunk|>"};
  const Score score = scored(*head, {{image_part("a.png"), text_part("a <image>?")}, "", "", odd});
  const MarkedText behind_picture =
      template_text("Question:") + literal_text("a <image>?") + template_text(" Short Answer:");
  EXPECT_EQ(score.prompt.text, template_text("<image>") + behind_picture);
  EXPECT_EQ(score.calibration->text, behind_picture);
  EXPECT_EQ(score.candidates, odd);
  EXPECT_EQ(head->target(odd[1]), literal_text(odd[1]) + template_text("<|endofchunk|>"));
}

TEST(Ranking, answers_with_the_best_score_not_the_best_logprob) {
  const auto head = make_head("{type: ranking}");
  EXPECT_TRUE(head->needs_question());
  EXPECT_EQ(head->target("no").str(), "no<|endofchunk|>");
  Result result;
  result.candidates = {{"yes", -1, 0.5, 0.3}, {"no", -2, 1.5, 0.7}, {"maybe", -3, 1.5, 0.7}};
  EXPECT_EQ(head->answer(result), (Answer{{"pred_answer", "no"}}));  // the first of equals
}

TEST(Classification, takes_pictures_alone) {
  const auto head = make_head("{type: classification, candidates: [cat, dog]}");
  EXPECT_FALSE(head->needs_question());
  const Request request{{image_part("a.png"), text_part("dog"), image_part("b.png")}, ""};
  const Score score = scored(*head, request);
  EXPECT_EQ(score.prompt.text.str(), "<image>Output:dog<|endofchunk|><image>Output:");
  EXPECT_EQ(score.prompt.text.literal(), (std::vector<MarkedText::Range>{{14, 17}}));  // the shot's class
  EXPECT_THAT(score.candidates, ElementsAre("cat", "dog"));
  Result result;
  result.candidates = {{"cat", -1, -1, 0.7}, {"dog", -2, -2, 0.3}};
  EXPECT_EQ(head->answer(result), (Answer{{"pred_class", "cat"}}));
}

}  // namespace
}  // namespace flam
