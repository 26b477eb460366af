#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/component/given_batch.h"
#include "framework/testing/component.h"

namespace flam {
namespace {

using testing::ElementsAre;

Objective::Input input() {
  Objective::Input in;
  in.tasks = {"caption"};
  in.hidden_size = 1;
  return in;
}

/// A row of three tokens: the second one is of the prompt, the third one of the answer. With the pictures,
/// the three ids of the vocabulary have the probabilities 0.5, 0.3 and 0.2, and by the text alone 0.6, 0.1
/// and 0.3.
GivenBatch::Given row() {
  GivenBatch::Given given;
  given.pictures = 1;
  given.tasks.resize(1);
  given.tasks[0].text = {at::tensor({0, 1, 2}, at::kLong).view({1, 3}), at::ones({1, 3}, at::kBool),
                         at::tensor({1, 2, -100}, at::kLong).view({1, 3}),
                         at::tensor({0, 1, 0}).to(at::kBool).view({1, 3})};
  given.tasks[0].seeing = at::tensor({1.0, 0.0}, at::kFloat).expand({1, 3, 2});
  given.tasks[0].alone = at::tensor({0.0, 1.0}, at::kFloat).expand({1, 3, 2});
  given.output = at::tensor({0.5, 0.6, 0.3, 0.1, 0.2, 0.3}, at::kFloat).view({3, 2}).log();
  return given;
}

double loss(const std::string& yaml) {
  const Built<Objective> objective(yaml, input());
  const std::vector<at::Tensor> losses = objective->losses(GivenBatch(row()));
  EXPECT_EQ(losses.size(), 1u);
  return losses.at(0).item<double>();
}

TEST(Text, AnswersAreLearntGivenThePictures) {
  EXPECT_NEAR(loss("{type: answers}"), -std::log(0.2), 1e-6);
}

TEST(Text, TextIsLearntWithItsPromptByTheDecoderAlone) {
  EXPECT_NEAR(loss("{type: text}"), -(std::log(0.1) + std::log(0.3)) / 2, 1e-6);
}

TEST(Text, LabelSmoothingSharesATargetAmongAllIds) {
  const double even = -(std::log(0.5) + std::log(0.3) + std::log(0.2)) / 3;
  EXPECT_NEAR(loss("{type: answers, label_smoothing: 0.1}"), -0.9 * std::log(0.2) + 0.1 * even, 1e-6);
  EXPECT_NEAR(loss("{type: text, label_smoothing: 1}"), -(std::log(0.6) + std::log(0.1) + std::log(0.3)) / 3,
              1e-6);
}

TEST(Text, EachTaskHasALossOfItsOwn) {
  Objective::Input in = input();
  in.tasks = {"caption", "answer"};
  const Built<Objective> answers("{type: answers}", in), text("{type: text}", in);
  EXPECT_THAT(answers->names(), ElementsAre("caption", "answer"));
  EXPECT_TRUE(answers->needs_pictures() && answers->needs_text() && text->needs_text());
  EXPECT_FALSE(text->needs_pictures());
}

}  // namespace
}  // namespace flam
