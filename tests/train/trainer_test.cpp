// Training is repeatable from its seed, resumes from its checkpoint, and does not change frozen tensors.
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "framework/base/partial_file.h"
#include "framework/base/text.h"
#include "framework/weights/checkpoint.h"
#include "tests/train/trainer_fixture.h"

namespace flam {
namespace {

using test::expect_equal_files;
using test::TrainerTest;
using testing::HasSubstr;

class EveryStage : public TrainerTest, public testing::WithParamInterface<const char*> {};

TEST_P(EveryStage, ResumesToTheSameWeights) {
  ASSERT_TRUE(train(stage(GetParam()), options("whole"), {}));
  TrainHooks interrupt;
  int64_t done = 0;
  interrupt.progress = [&](int64_t step, int64_t) { done = step; };
  interrupt.cancelled = [&] { return done == 3; };
  EXPECT_FALSE(train(stage(GetParam()), options("resumed"), interrupt));
  EXPECT_TRUE(std::filesystem::exists(output("resumed") + ".checkpoint"));
  EXPECT_FALSE(std::filesystem::exists(output("resumed")));
  EXPECT_TRUE(train(stage(GetParam()), options("resumed"), {}));
  EXPECT_FALSE(std::filesystem::exists(output("resumed") + ".checkpoint"));
  expect_equal_files(output("whole"), output("resumed"));
}

INSTANTIATE_TEST_SUITE_P(Trainer, EveryStage,
                         testing::Values("1_labels", "2_text", "3_answers", "4_all", "5_relations"));

TEST_F(TrainerTest, MuonResumesToTheSameWeights) {
  const auto muon = [&](const char* name) { return options(name, {"train.optimizer=muon"}); };
  ASSERT_TRUE(train(stage("2_text"), muon("whole"), {}));
  TrainHooks interrupt;
  interrupt.cancelled = [calls = 0]() mutable { return ++calls == 2; };
  EXPECT_FALSE(train(stage("2_text"), muon("resumed"), interrupt));
  EXPECT_TRUE(train(stage("2_text"), muon("resumed"), {}));
  expect_equal_files(output("whole"), output("resumed"));
}

TEST_F(TrainerTest, MicroBatchesDoNotDependOnTheNumberOfThreads) {
  RunOptions one = options("one", {"train.micro_batch_size=1"});
  RunOptions two = options("two", {"train.micro_batch_size=1"});
  two.threads = 2;
  ASSERT_TRUE(train(stage("1_labels"), one, {}));
  ASSERT_TRUE(train(stage("1_labels"), two, {}));
  expect_equal_files(output("one"), output("two"));
}

TEST_F(TrainerTest, MicroBatchesOfConvolutionsDoNotWaitForEachOther) {
  RunOptions two = options(
      "two",
      {"train.steps=1", "train.batch_size=16", "train.micro_batch_size=8", "dataset.label_patch_size=8",
       "model.vision_backbone={type: resnet, image_size: 80, block: basic, depths: [2, 2], stem_width: "
       "32, width: 64, out_stage: 2}"});
  two.threads = 2;
  EXPECT_TRUE(train(stage("1_labels"), two, {}));
}

TEST_F(TrainerTest, MicroBatchesGiveTheLossOfTheWholeBatch) {
  const auto losses_of = [&](const char* micro_batch_size) {
    std::vector<double> losses;
    TrainHooks hooks;
    hooks.log = [&](const TrainProgress& report) {
      for (const auto& [name, loss] : report.losses) losses.push_back(loss);
      losses.push_back(report.gradient_norm);
      EXPECT_GT(report.gradient_norm, 0);
    };
    const std::string set = std::string("train.micro_batch_size=") + micro_batch_size;
    EXPECT_TRUE(train(stage("1_labels"), options(micro_batch_size, {"train.batch_size=4", set}), hooks));
    return losses;
  };
  const std::vector<double> whole = losses_of("0"), halves = losses_of("2");
  ASSERT_EQ(whole.size(), halves.size());
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(whole[i], halves[i], 1e-3 * whole[i]);
}

TEST_F(TrainerTest, BatchNormStatisticsStayFixedAndAreWrittenWithTheirNorm) {
  const std::vector<std::string> convolutions = {
      "model.vision_backbone={type: resnet, image_size: 80, depths: [1, 1], stem_width: 8, width: 8, "
      "out_stage: 2}",
      "train.trained={_delete_: true, 'vision_backbone.*': 0.01}"};
  ASSERT_TRUE(train(stage("3_answers"), options("convolutions", convolutions), {}));
  const auto file = open_checkpoint(output("convolutions"));
  EXPECT_TRUE(at::equal(file->tensor("vision_backbone.stem.norm.running_mean"), at::zeros({8})));
  EXPECT_TRUE(at::equal(file->tensor("vision_backbone.stem.norm.running_var"), at::ones({8})));
  EXPECT_FALSE(at::equal(file->tensor("vision_backbone.stem.norm.weight"), at::ones({8})));
  for (const std::string& name : file->names()) EXPECT_TRUE(name.starts_with("vision_backbone.")) << name;
}

TEST_F(TrainerTest, MatrixProductsMayUseBfloat16) {
  EXPECT_TRUE(train(stage("3_answers"), options("perceiver", {"train.bfloat16=true"}), {}));
  EXPECT_TRUE(
      train(stage("3_answers"), options("mlp", {"train.bfloat16=true", "model.resampler={type: mlp}"}), {}));
}

TEST_F(TrainerTest, TheLossFalls) {
  std::vector<double> losses;
  TrainHooks hooks;
  hooks.log = [&](const TrainProgress& report) { losses.push_back(report.losses.front().second); };
  ASSERT_TRUE(train(stage("2_text"), options("text", {"train.steps=30", "train.batch_size=4"}), hooks));
  ASSERT_EQ(losses.size(), 30u);
  EXPECT_LT(losses.back(), 0.7 * losses.front());
}

TEST_F(TrainerTest, TheLossFallsWithMediaAmongTheTokens) {
  std::vector<double> losses;
  TrainHooks hooks;
  hooks.log = [&](const TrainProgress& report) { losses.push_back(report.losses.front().second); };
  ASSERT_TRUE(train(stage("3_answers"),
                    options("prefix", {"train.steps=30", "train.batch_size=4", "model.adapter={type: prefix}",
                                       "train.trained={_delete_: true, \"*\": 0.002}"}),
                    hooks));
  ASSERT_EQ(losses.size(), 30u);
  EXPECT_LT(losses.back(), 0.7 * losses.front());
  const auto written = open_checkpoint(output("prefix"));
  for (const std::string& name : written->names()) EXPECT_FALSE(name.starts_with("adapter.")) << name;
}

// The tasks of a step share their pictures, also after the end of a dataset. Here the dataset of questions
// has 6 records, 4 per scene, so only one of its scenes is complete.
TEST_F(TrainerTest, TasksOfASceneStartAgainTogether) {
  EXPECT_TRUE(train(stage("3_answers"),
                    options("short", {"dataset.size=6", "train.records_per_picture=[1, 4]"}), {}));
  try {
    train(stage("3_answers"), options("shorter", {"dataset.size=3", "train.records_per_picture=[1, 4]"}), {});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("has 3 records, fewer than train.records_per_picture, 4"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(TrainerTest, SamplesEndAtTheConfigsStopTokens) {
  TrainHooks hooks;
  int samples = 0;
  hooks.sample = [&](const std::string&) { ++samples; };
  EXPECT_TRUE(
      train(stage("3_answers"),
            options("stops", {"train.steps=1", "train.sample_every=1", "generation.stop_tokens=['</s>']",
                              "model.tokenizer.added_tokens=['<image>', '<PAD>']"}),
            hooks));
  EXPECT_GT(samples, 0);
}

TEST_F(TrainerTest, APatternThatTrainsNothingIsReported) {
  testing::internal::CaptureStderr();
  train(stage("1_labels"), options("typo", {"train.steps=1", "train.trained={\"resamplr.*\": 0.001}"}), {});
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("from the pattern 'resamplr.*' of `train.trained`"), std::string::npos);
  EXPECT_EQ(said.find("'resampler.*'"), std::string::npos);
}

TEST_F(TrainerTest, WrongUseIsAnError) {
  const auto error_of = [&](const std::vector<std::string>& more) {
    try {
      train(stage("1_labels"), options("wrong", more), {});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(
      error_of({"train.trained={_delete_: true, \"no_such.*\": 0.001}"}).find("no tensor matches a pattern"),
      std::string::npos);
  EXPECT_THAT(error_of({"train.trained={_delete_: true}"}), HasSubstr("`trained` is empty"));
  EXPECT_NE(error_of({"train.trained=[a]"}).find("must map patterns"), std::string::npos);
  EXPECT_NE(error_of({"train.trained={_delete_: true, \"resampler.*\": 0}"})
                .find("must be a finite number above 0"),
            std::string::npos);
  for (const char* rate : {".nan", ".inf"}) {
    EXPECT_NE(error_of({cat("train.trained={_delete_: true, \"resampler.*\": ", rate, "}")})
                  .find("must be a finite number above 0"),
              std::string::npos);
  }
  EXPECT_NE(error_of({"train.output=''"}).find("`output` is an empty path"), std::string::npos);
  EXPECT_NE(error_of({"train.task_heads=3"}).find("`task_heads` must be a list"), std::string::npos);
  EXPECT_NE(error_of({"train.records_per_picture=[0, 1]"}).find("must be between 1 and 1048576"),
            std::string::npos);
  EXPECT_NE(error_of({"train.micro_batch_size=3"}).find("`micro_batch_size` 3 doesn't divide `batch_size` 2"),
            std::string::npos);
  EXPECT_NE(error_of({"train.records_per_picture=[1]"}).find("1 numbers for 2 task heads"),
            std::string::npos);
  EXPECT_NE(error_of({"dataset.label_patch_size=20"}).find("label_patch_size"), std::string::npos);
  const char* kHeldOut = "train.validation_dataset={type: scenes}";
  EXPECT_THAT(error_of({kHeldOut}), HasSubstr("`validate_every` is 0"));
  EXPECT_THAT(error_of({"train.validate_every=2"}), HasSubstr("there is no `validation_dataset`"));
  EXPECT_THAT(error_of({"train.patience=2"}), HasSubstr("`patience` needs validations"));
  EXPECT_THAT(error_of({"train.validation_dataset=scenes", "train.validate_every=2"}),
              HasSubstr("`validation_dataset` must be a dataset"));
  EXPECT_THAT(error_of({"train.ema_decay=1"}), HasSubstr("the average would never change"));
  EXPECT_THAT(error_of({"train.init_from=null", "train.init_patterns=['nope.*']"}),
              HasSubstr("is used; do the patterns match"));
  EXPECT_FALSE(std::filesystem::exists(output("wrong") + ".metrics.jsonl"));
  EXPECT_THAT(error_of({"train.init_from=[/no/such/file]"}),
              testing::AllOf(HasSubstr("'/no/such/file'; train.init_from lists it"),
                             Not(HasSubstr("--weights random"))));
  EXPECT_THAT(error_of({"train.learn_shots=false"}),
              HasSubstr("`learn_shots` is for examples before a record"));
}

TEST_F(TrainerTest, OneRunAtATimeHasAnOutput) {
  const std::string lock = output("locked") + ".lock";
  {
    const PartialFile other(lock);
    try {
      train(stage("1_labels"), options("locked", {"train.steps=1"}), {});
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("another run is writing to '" + lock));
    }
  }
  EXPECT_TRUE(train(stage("1_labels"), options("locked", {"train.steps=1"}), {}));
  EXPECT_FALSE(std::filesystem::exists(lock));
}

TEST_F(TrainerTest, ARecordWithoutAReferenceIsNamed) {
  RunOptions without = options("wrong", {"train.records_per_picture=[1, 1]", "train.batch_size=1",
                                         "dataset={_delete_: true, type: liar, lie: no_references}"});
  without.plugin_path = {FLAM_FIXTURE_PLUGINS "/text_liars"};
  try {
    train(stage("2_text"), without, {});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "record 'record 0' has no reference to train on");
  }
}

}  // namespace
}  // namespace flam
