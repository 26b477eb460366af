// Records with examples before them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/base/text.h"
#include "framework/train/train.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/scratch.h"
#include "tests/train/equal_files.h"

namespace flam {
namespace {

using test::error_of;
using testing::HasSubstr;

const std::string kStage = FLAM_SOURCE_DIR "/configs/_base_/train/flamingo_mini_6_shots.yaml";

class TrainShots : public testing::Test {
 protected:
  std::string output(const std::string& name) const { return (scratch_ / (name + ".safetensors")).string(); }
  RunOptions options(const std::string& name, const std::vector<std::string>& more = {}) const {
    RunOptions out;
    out.overrides = {"train.output=" + output(name), "train.steps=2",          "train.batch_size=2",
                     "train.micro_batch_size=0",     "train.warmup_steps=0",   "train.log_every=1",
                     "train.sample_every=0",         "train.num_shots=[0, 3]", "shots.dataset.size=60"};
    out.overrides.insert(out.overrides.end(), more.begin(), more.end());
    out.threads = 1;
    return out;
  }
  /// The loss of each step.
  std::vector<double> losses(const std::string& name, const std::vector<std::string>& more) const {
    std::vector<double> out;
    TrainHooks hooks;
    hooks.log = [&](const TrainProgress& report) { out.push_back(report.losses.front().second); };
    EXPECT_TRUE(train(kStage, options(name, more), hooks));
    return out;
  }
  std::string error(const std::vector<std::string>& more) const {
    return error_of([&] { train(kStage, options("wrong", more), {}); });
  }

  test::Scratch scratch_;
};

TEST_F(TrainShots, ResumesToTheSameWeights) {
  const std::vector<std::string> longer = {"train.steps=4"};
  ASSERT_TRUE(train(kStage, options("whole", longer), {}));
  TrainHooks interrupt;
  interrupt.cancelled = [calls = 0]() mutable { return ++calls == 2; };
  EXPECT_FALSE(train(kStage, options("resumed", longer), interrupt));
  EXPECT_TRUE(train(kStage, options("resumed", longer), {}));
  test::expect_equal_files(output("whole"), output("resumed"));
}

TEST_F(TrainShots, NoShotsAreTheRecordAlone) {
  const std::vector<std::string> plain = {"shots.answer_forms=['{answer}']"};
  const auto with = [&](const char* more) { return std::vector<std::string>{plain[0], more}; };
  EXPECT_EQ(losses("none", with("train.num_shots=[0, 0]")), losses("alone", with("train.num_shots=[]")));
}

// With the shipped weights, the loss of one row with two examples is the mean over its three answers.
TEST_F(TrainShots, AnswersOfExamplesAreLearntFromTheExamplesBeforeThem) {
  const std::vector<std::string> one = {"train.steps=1", "train.batch_size=1", "train.num_shots=[2, 2]"};
  auto query_alone = one;
  query_alone.emplace_back("train.learn_shots=false");
  const double all = losses("all", one).front(), query = losses("query", query_alone).front();
  EXPECT_NE(all, query);
  // Where the model gives answers of examples other tokens than it generates, they can't be learnt.
  auto other_tokens = one;
  other_tokens.emplace_back(
      "task_head.shot_prompt='<image>Question:{question} Short Answer:{answer}<|endofchunk|>'");
  EXPECT_THAT(error(other_tokens), HasSubstr("of an example has other tokens in the prompt"));
  other_tokens.emplace_back("train.learn_shots=false");
  EXPECT_GT(losses("other", other_tokens).front(), 0);
}

TEST_F(TrainShots, MicroBatchesOfDifferentLengthsGiveTheLossOfTheWholeBatch) {
  const std::vector<std::string> same = {"train.steps=1", "train.batch_size=4", "train.learn_shots=false",
                                         "shots.answer_forms=['it is {answer}']", "train.num_shots=[0, 2]"};
  auto halves = same;
  halves.emplace_back("train.micro_batch_size=1");
  const double whole = losses("whole", same).front(), mean = losses("halves", halves).front();
  // Each row is the mean over its own tokens, of which rows have different numbers.
  EXPECT_NEAR(whole, mean, 0.2 * whole);
}

TEST_F(TrainShots, EveryAdapterAndSeveralTasks) {
  EXPECT_GT(losses("prefix", {"model.adapter={type: prefix}", "train.init_where_it_fits=true",
                              "train.steps=1", "model.language_decoder.max_position_embeddings=512"})
                .front(),
            0);
  EXPECT_GT(losses("next", {"model.adapter.text_sees=next", "train.steps=1"}).front(), 0);
  EXPECT_GT(losses("tasks",
                   {"train.task_heads=[{type: caption}, {type: vqa}]", "train.steps=1",
                    "train.records_per_picture=[1, 2]", "train.learn_shots=false", "shots.selection=random",
                    "train.objectives=[{type: labels, weight: 0.1}, answers]", "dataset.label_cells=5"})
                .front(),
            0);
}

TEST_F(TrainShots, SamplesShowTheExamples) {
  std::string said;
  TrainHooks hooks;
  hooks.sample = [&](const std::string& sample) { said = sample; };
  ASSERT_TRUE(train(kStage, options("samples", {"train.sample_every=1", "train.num_shots=[1, 1]"}), hooks));
  EXPECT_THAT(said, HasSubstr(" → | "));
  EXPECT_THAT(said, HasSubstr(" (reference '"));
}

TEST_F(TrainShots, AValidationDatasetGetsExamplesToo) {
  TrainHooks hooks;
  double last = 0;
  hooks.validated = [&](int64_t, const auto& validated, bool) { last = validated.back().second; };
  ASSERT_TRUE(train(
      kStage,
      options("validated", {"train.validation_dataset={type: scenes, size: 4}", "train.validate_every=2"}),
      hooks));
  EXPECT_GT(last, 0);
}

TEST_F(TrainShots, WrongUseIsAnError) {
  for (const char* wrong : {"[1]", "[3, 1]", "[-1, 2]", "[0, 20000]"})
    EXPECT_THAT(error({cat("train.num_shots=", wrong)}), HasSubstr("`num_shots` must be [least, most]"));
  RunOptions without = options("wrong");
  without.overrides.pop_back();  // shots.dataset.size
  EXPECT_THAT(error_of([&] {
                train(FLAM_SOURCE_DIR "/configs/_base_/train/flamingo_mini_3_answers.yaml", without, {});
              }),
              HasSubstr("`train.num_shots` is given, but the config names no `shots`"));
  EXPECT_THAT(error({"train.objectives=[labels]", "dataset.label_cells=5"}),
              HasSubstr("no objective learns text"));
  EXPECT_THAT(error({"shots.selection=similar"}), HasSubstr("random or same_kind"));
  EXPECT_THAT(error({"shots.answer_forms=[]"}), HasSubstr("`answer_forms` is empty"));
  EXPECT_THAT(error({"shots.answer_forms=['it is so']"}), HasSubstr("must have {answer} once"));
  EXPECT_THAT(error({"shots.dataset.size=2", "train.num_shots=[2, 2]"}),
              HasSubstr("has 2 records; it must have more"));
}

}  // namespace
}  // namespace flam
