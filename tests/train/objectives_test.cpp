// Objectives are combined, weighted and named, and one that breaks its contract is an error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/weights/checkpoint.h"
#include "tests/train/trainer_fixture.h"

namespace flam {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

class TrainObjectives : public test::TrainerTest {
 protected:
  using Losses = std::vector<std::pair<std::string, double>>;

  RunOptions with(const std::string& name, std::vector<std::string> more) const {
    more.insert(more.end(), {"train.steps=1", "dataset.label_cells=5"});
    RunOptions out = options(name, more);
    out.plugin_path = {FLAM_FIXTURE_PLUGINS "/bad_objectives"};
    return out;
  }
  /// The losses of the first step, and the norm of its gradients.
  Losses losses_of(const std::string& name, const std::string& objectives) const {
    Losses out;
    TrainHooks hooks;
    hooks.log = [&](const TrainProgress& report) {
      out = report.losses;
      out.emplace_back("norm", report.gradient_norm);
    };
    EXPECT_TRUE(train(stage("3_answers"), with(name, {"train.objectives=" + objectives}), hooks));
    return out;
  }
  std::string error(const std::string& objectives, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> set = {"train.objectives=" + objectives};
    set.insert(set.end(), more.begin(), more.end());
    return error_of([&] { train(stage("3_answers"), with("wrong", set), {}); });
  }
};

TEST_F(TrainObjectives, AreSummedWithTheirWeights) {
  const Losses answers = losses_of("answers", "[answers]");
  ASSERT_EQ(answers.size(), 3u);  // of two tasks
  const Losses twice = losses_of("twice", "[{type: answers, weight: 2}]");
  const Losses both = losses_of("both", "[{type: answers, weight: 0.5}, {type: answers, weight: 1.5}]");
  ASSERT_EQ(both.size(), 5u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(twice[i], answers[i]);  // logged without the weight
    EXPECT_EQ(both[i], answers[i]);
    EXPECT_EQ(both[i + 2].first, answers[i].first + ".2");
    EXPECT_EQ(both[i + 2].second, answers[i].second);
  }
  EXPECT_NEAR(twice[2].second, 2 * answers[2].second, 1e-4 * answers[2].second);
  EXPECT_NEAR(both[4].second, twice[2].second, 1e-4 * answers[2].second);
}

TEST_F(TrainObjectives, OfDifferentKindsShareABatch) {
  const Losses all = losses_of("all", "[labels, answers, text, contrastive]");
  std::vector<std::string> names;
  for (const auto& [name, loss] : all) {
    names.push_back(name);
    EXPECT_GT(loss, 0) << name;
  }
  EXPECT_THAT(names, ElementsAre("media", "pred_caption", "pred_answer", "pred_caption.2", "pred_answer.2",
                                 "contrastive", "norm"));
  const Losses alone = losses_of("alone", "[text]");
  EXPECT_NEAR(all[3].second, alone[0].second, 1e-4);
  EXPECT_NEAR(all[1].second, losses_of("answers", "[answers]")[0].second, 1e-4);
}

TEST_F(TrainObjectives, WithTheWeightZeroAreOnlyLogged) {
  const Losses answers = losses_of("answers", "[answers]");
  const Losses watched = losses_of("watched", "[answers, {type: contrastive, weight: 0}]");
  EXPECT_EQ(watched[2].first, "contrastive");
  EXPECT_EQ(watched[3].second, answers[2].second);
  // Nor do the weights that only such an objective reaches decay.
  losses_of("square", "[square]");
  losses_of("square_watched", "[square, {type: answers, weight: 0}]");
  test::expect_equal_files(output("square"), output("square_watched"));
}

TEST_F(TrainObjectives, HaveWeightsOfTheirOwnInCheckpointsButNotInTheOutput) {
  const std::vector<std::string> set = {"train.objectives=[answers, contrastive]"};
  RunOptions long_run = with("weights", set);
  long_run.overrides.emplace_back("train.steps=4");
  TrainHooks interrupt;
  interrupt.cancelled = [] { return true; };
  EXPECT_FALSE(train(stage("3_answers"), long_run, interrupt));
  const auto checkpoint = open_checkpoint(output("weights") + ".checkpoint");
  EXPECT_THAT(checkpoint->names(), testing::Contains(HasSubstr("contrastive.log_scale")));
  EXPECT_TRUE(train(stage("3_answers"), long_run, {}));
  EXPECT_THAT(open_checkpoint(output("weights"))->names(),
              testing::Not(testing::Contains(HasSubstr("contrastive"))));
  RunOptions whole = with("whole", set);
  whole.overrides.emplace_back("train.steps=4");
  EXPECT_TRUE(train(stage("3_answers"), whole, {}));
  test::expect_equal_files(output("weights"), output("whole"));
}

TEST_F(TrainObjectives, WrongConfigsAreAnError) {
  EXPECT_THAT(error("answers"), HasSubstr("must be a list of at least one objective, such as [answers]"));
  EXPECT_THAT(error("[]"), HasSubstr("must be a list of at least one objective"));
  EXPECT_THAT(error("[answer]"), HasSubstr("did you mean 'answers'"));
  EXPECT_THAT(error("[{type: labels, weight: -1}]"), HasSubstr("must be a finite number of at least 0"));
  EXPECT_THAT(error("[{type: answers, weight: 0}]"), HasSubstr("nothing would be trained"));
  EXPECT_THAT(error("[{type: labels, weight: much}]"), HasSubstr("found the text 'much'"));
  EXPECT_THAT(error("[{type: answers, smoothing: 1}]"), HasSubstr("label_smoothing"));
  EXPECT_THAT(error("[contrastive]", {"train.micro_batch_size=1"}), HasSubstr("set train.batch_size"));
}

TEST_F(TrainObjectives, ThatBreakTheirContractAreNamed) {
  EXPECT_THAT(error("[two_names]"),
              HasSubstr("objective 'two_names' gives 1 losses from losses(), but names() "
                        "has 2"));
  EXPECT_THAT(error("[per_picture]"),
              HasSubstr("objective 'per_picture' gives Float [2] on cpu for the loss"));
  EXPECT_THAT(error("[asks_for_text]"), HasSubstr("asks for text, but needs_text() is false"));
  EXPECT_THAT(error("[detached]"), HasSubstr("none of the tensors in `train.trained` affects the objective"));
}

}  // namespace
}  // namespace flam
