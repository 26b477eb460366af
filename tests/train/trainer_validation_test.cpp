// The numbers of a run, validation, and averages of weights.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"
#include "tests/train/trainer_fixture.h"

namespace flam {
namespace {

using test::expect_equal_files;
using test::TrainerTest;
using testing::HasSubstr;

TEST_F(TrainerTest, WritesItsNumbersAsTheyCome) {
  const auto lines_of = [&](const std::string& name) {
    std::istringstream text(read_file(output(name) + ".metrics.jsonl", 1 << 20));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);)
      lines.push_back(line.substr(0, line.find(",\"seconds\"")));
    return lines;
  };
  ASSERT_TRUE(train(stage("2_text"), options("whole"), {}));
  const auto whole = lines_of("whole");
  ASSERT_GE(whole.size(), 6u);
  EXPECT_THAT(whole[0], HasSubstr("\"step\""));
  EXPECT_THAT(whole[0], HasSubstr("\"loss/pred_caption\""));
  EXPECT_THAT(whole[0], HasSubstr("\"gradient_norm\""));
  // The lines of steps that a killed run had taken after its checkpoint are replaced.
  TrainHooks interrupt;
  int64_t done = 0;
  interrupt.progress = [&](int64_t step, int64_t) { done = step; };
  interrupt.cancelled = [&] { return done == 3; };
  EXPECT_FALSE(train(stage("2_text"), options("resumed"), interrupt));
  const std::string file = output("resumed") + ".metrics.jsonl";
  write_file(file, read_file(file, 1 << 20) + "{\"step\":4,\"loss/pred_caption\":99}\n{\"step\":5,\"lo");
  EXPECT_TRUE(train(stage("2_text"), options("resumed"), {}));
  EXPECT_EQ(lines_of("resumed"), whole);
}

TEST_F(TrainerTest, KeepsTheWeightsWithTheBestValidationLossAndStopsEarly) {
  std::vector<double> totals;
  std::vector<bool> bests;
  TrainHooks hooks;
  hooks.validated = [&](int64_t, const auto& losses, bool best) {
    EXPECT_EQ(losses.front().first, "pred_caption");
    EXPECT_EQ(losses.back().first, "total");
    totals.push_back(losses.back().second);
    bests.push_back(best);
  };
  int64_t steps = 0;
  hooks.progress = [&](int64_t step, int64_t) { steps = step; };
  // So small a rate changes nothing.
  const auto with_rate = [&](const std::string& name, const char* rate) {
    return options(name, {"train.steps=40", "train.validation_dataset={type: scenes, split: test, size: 8}",
                          "train.validation_records=4", "train.validate_every=2", "train.patience=3",
                          "train.records_per_picture=[1, 2]", "train.optimizer=adamw", "train.warmup_steps=0",
                          "train.schedule=constant",
                          std::string("train.trained={_delete_: true, \"*\": ") + rate + "}"});
  };
  ASSERT_TRUE(train(stage("2_text"), with_rate("still", "1.0e-20"), hooks));
  EXPECT_EQ(bests, (std::vector<bool>{true, false, false, false}));
  EXPECT_EQ(steps, 8) << "it did not stop early";
  const std::string best = (scratch_.path() / "still.best.safetensors").string();
  ASSERT_TRUE(std::filesystem::exists(best));
  ASSERT_TRUE(std::filesystem::exists(output("still")));
  EXPECT_THAT(read_file(output("still") + ".metrics.jsonl", 1 << 20), HasSubstr("\"validation/total\""));
  totals.clear();
  bests.clear();
  ASSERT_TRUE(train(stage("2_text"), with_rate("good", "0.003"), hooks));
  EXPECT_EQ(totals.size(), 20u);
  EXPECT_LT(totals.back(), totals.front());
}

TEST_F(TrainerTest, TheBestWeightsAreThoseThatWereValidated) {
  const auto validated = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(), {"train.validation_dataset={type: scenes, split: test, size: 8}",
                             "train.validation_records=4", "train.validate_every=3", "train.warmup_steps=0",
                             "train.records_per_picture=[1, 2]", "train.schedule=linear"});
    double last = 0;
    TrainHooks hooks;
    hooks.validated = [&](int64_t, const auto& losses, bool best) {
      if (best) last = losses.back().second;
    };
    EXPECT_TRUE(train(stage("2_text"), options(name, more), hooks));
    return last;
  };
  const double lowest = validated("averaged", {"train.ema_decay=0.9"});
  const std::string best = (scratch_.path() / "averaged.best.safetensors").string();
  // A step that changes nothing, so that the loss is that of the weights in the file.
  const double again = validated("again", {"train.init_from=[" + best + "]", "train.steps=3",
                                           "train.trained={_delete_: true, \"*\": 1.0e-20}"});
  EXPECT_NEAR(again, lowest, 1e-5);
}

TEST_F(TrainerTest, TheBestWeightsNeverReplaceAnInput) {
  ASSERT_TRUE(train(stage("2_text"), options("first", {"train.steps=1"}), {}));
  const std::string best = (scratch_.path() / "next.best.safetensors").string();
  std::filesystem::rename(output("first"), best);
  EXPECT_THROW(train(stage("2_text"),
                     options("next", {"train.steps=2", "train.init_from=[" + best + "]",
                                      "train.validation_dataset={type: scenes, split: test, size: 8}",
                                      "train.validate_every=1"}),
                     {}, /*overwrite=*/true),
               Error);
  EXPECT_TRUE(std::filesystem::exists(best));
}

TEST_F(TrainerTest, AnAverageOfTheWeightsIsWrittenOnRequest) {
  const std::vector<std::string> still = {"train.schedule=constant", "train.warmup_steps=0"};
  ASSERT_TRUE(train(stage("2_text"), options("last", still), {}));
  auto more = still;
  more.emplace_back("train.ema_decay=0.5");
  ASSERT_TRUE(train(stage("2_text"), options("average", more), {}));
  const auto last = open_checkpoint(output("last")), average = open_checkpoint(output("average"));
  const std::string name = "language_decoder.lm_head.weight";
  EXPECT_FALSE(at::equal(last->tensor(name), average->tensor(name)));
  TrainHooks interrupt;
  int64_t done = 0;
  interrupt.progress = [&](int64_t step, int64_t) { done = step; };
  interrupt.cancelled = [&] { return done == 3; };
  EXPECT_FALSE(train(stage("2_text"), options("resumed", more), interrupt));
  EXPECT_TRUE(train(stage("2_text"), options("resumed", more), {}));
  expect_equal_files(output("average"), output("resumed"));
}

}  // namespace
}  // namespace flam
