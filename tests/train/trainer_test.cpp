// Training is repeatable from its seed, resumes from its checkpoint, and does not change frozen tensors.
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <sstream>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/train/train.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"

namespace flam {
namespace {

using testing::HasSubstr;
using testing::Not;

class TrainerTest : public testing::Test {
 protected:
  std::string output(const std::string& name) const {
    return (scratch_.path() / (name + ".safetensors")).string();
  }

  RunOptions options(const std::string& name, const std::vector<std::string>& more = {}) const {
    RunOptions out = test::on_device();
    out.overrides = {"train.output=" + output(name), "train.steps=6",      "train.batch_size=2",
                     "train.warmup_steps=2",         "train.init_from=[]", "train.log_every=1",
                     "train.micro_batch_size=0"};
    out.overrides.insert(out.overrides.end(), more.begin(), more.end());
    out.threads = 1;
    return out;
  }

  static std::string stage(const char* name) {
    return std::string(FLAM_SOURCE_DIR) + "/configs/_base_/train/flamingo_mini_" + name + ".yaml";
  }

  static void expect_equal_files(const std::string& a, const std::string& b) {
    const auto first = open_checkpoint(a), second = open_checkpoint(b);
    ASSERT_EQ(first->names(), second->names());
    ASSERT_FALSE(first->names().empty());
    for (const std::string& name : first->names())
      EXPECT_TRUE(at::equal(first->tensor(name), second->tensor(name))) << name;
  }

  test::Scratch scratch_;
};

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
      "train.label_weight=0", "train.trained={_delete_: true, 'vision_backbone.*': 0.01}"};
  ASSERT_TRUE(train(stage("3_answers"), options("convolutions", convolutions), {}));
  const auto file = open_checkpoint(output("convolutions"));
  EXPECT_TRUE(at::equal(file->tensor("vision_backbone.stem.norm.running_mean"), at::zeros({8})));
  EXPECT_TRUE(at::equal(file->tensor("vision_backbone.stem.norm.running_var"), at::ones({8})));
  EXPECT_FALSE(at::equal(file->tensor("vision_backbone.stem.norm.weight"), at::ones({8})));
  for (const std::string& name : file->names()) EXPECT_TRUE(name.starts_with("vision_backbone.")) << name;
}

// A checkpoint is untrusted like any other file, so everything in it is checked before use.
TEST_F(TrainerTest, AForgedCheckpointIsRefused) {
  TrainHooks interrupt;
  interrupt.cancelled = [] { return true; };
  ASSERT_FALSE(train(stage("2_text"), options("forged"), interrupt));
  const std::string file = output("forged") + ".checkpoint";
  const auto error_with = [&](const std::string& name, const at::Tensor& value) {
    std::vector<std::pair<std::string, at::Tensor>> tensors;
    std::map<std::string, std::string> metadata;
    {
      const auto written = open_checkpoint(file);
      metadata = written->metadata();
      for (const std::string& other : written->names())
        tensors.emplace_back(other, other == name ? value : written->tensor(other).clone());
    }
    const std::string kept = read_file(file, 1 << 28);
    write_safetensors(file, tensors, metadata);
    std::string message;
    try {
      train(stage("2_text"), options("forged"), {});
    } catch (const Error& error) {
      message = error.what();
    }
    write_file(file, kept);
    return message;
  };
  for (const int64_t steps : {int64_t{-5}, int64_t{1} << 40, INT64_MIN}) {
    EXPECT_NE(error_with("steps_done", at::full({1}, steps, at::kLong)).find("'steps_done' is "),
              std::string::npos);
  }
  EXPECT_NE(error_with("steps_since_report", at::full({1}, -1, at::kLong)).find("expected 0 to "),
            std::string::npos);
  EXPECT_NE(error_with("steps_done", at::full({2}, 1, at::kLong)).find("expected Long [1]"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(output("forged")));
  EXPECT_TRUE(train(stage("2_text"), options("forged"), {}));
}

TEST_F(TrainerTest, AnOutputNeverReplacesAnInput) {
  const auto taken = [&](const std::string& file, const std::string& more) {
    try {
      RunOptions odd = options("x", {more});
      odd.overrides.push_back("train.output=" + file);
      train(stage("2_text"), odd, {});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  ASSERT_TRUE(train(stage("2_text"), options("first"), {}));
  for (const std::string& from :
       {output("first"), scratch_.path().string()}) {  // a file, or a folder of files
    EXPECT_NE(taken(output("first"), cat("train.init_from=['", from, "']"))
                  .find("would overwrite an input of the run"),
              std::string::npos);
  }
  const std::string copy = (scratch_.path() / "copy.yaml").string();
  write_file(copy, cat("_base_: ['", stage("2_text"), "']\n"));
  RunOptions own = options("x");
  own.overrides.push_back("train.output=" + copy);
  EXPECT_THROW(train(copy, own, {}), Error);
  EXPECT_EQ(read_file(copy, 4096), cat("_base_: ['", stage("2_text"), "']\n"));
}

TEST_F(TrainerTest, AnOutputThatExistsIsReplacedOnlyOnRequest) {
  const RunOptions same = options("mine", {"train.steps=1"});
  ASSERT_TRUE(train(stage("2_text"), same, {}));
  const std::string before = read_file(output("mine"), 64 << 20);
  try {
    train(stage("2_text"), same, {});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("exists and would be replaced; use --overwrite"));
  }
  EXPECT_EQ(read_file(output("mine"), 64 << 20), before);
  EXPECT_TRUE(train(stage("2_text"), options("mine", {"train.steps=2"}), {}, /*overwrite=*/true));
  EXPECT_NE(read_file(output("mine"), 64 << 20), before);
}

TEST_F(TrainerTest, TheOutputSaysHowItWasMade) {
  ASSERT_TRUE(train(stage("2_text"), options("text", {"train.steps=1"}), {}));
  ASSERT_TRUE(train(stage("3_answers"),
                    options("answers", {"train.steps=1", "train.init_from=[" + output("text") + "]"}), {}));
  const auto metadata = open_checkpoint(output("answers"))->metadata();
  EXPECT_EQ(metadata.at("config"), "flamingo_mini_3_answers");
  EXPECT_EQ(metadata.at("steps"), "1");
  EXPECT_EQ(metadata.at("dataset"), "scenes");
  EXPECT_EQ(metadata.at("settings_sha256").size(), 64u);
  EXPECT_THAT(metadata.at("sources"), HasSubstr("\"text.safetensors\""));
  for (const auto& [key, value] : metadata)
    EXPECT_THAT(value, Not(HasSubstr(scratch_.path().string()))) << key;
}

TEST_F(TrainerTest, StartsFromTheWeightsOfTheConfigByDefault) {
  testing::internal::CaptureStderr();
  ASSERT_TRUE(train(stage("3_answers"),
                    options("answers", {"train.steps=1", "train.init_from=null",
                                        "train.trained={_delete_: true, \"adapter.*\": 0.001}"}),
                    {}));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("training starts from"));
  EXPECT_THAT(said, HasSubstr("(the config's weights.files; train.init_from names others)"));
  EXPECT_THAT(said, Not(HasSubstr("no file gives")));
  const auto shipped = open_checkpoint(FLAM_SOURCE_DIR "/configs/flamingo_mini/flamingo_mini.safetensors");
  const auto written = open_checkpoint(output("answers"));
  for (const std::string& name : shipped->names()) {
    if (name.starts_with("adapter.")) continue;
    EXPECT_TRUE(at::equal(written->tensor(name), shipped->tensor(name).to(at::kFloat))) << name;
  }
}

TEST_F(TrainerTest, StartsFromFilesOfOtherNamesThroughALayout) {
  ASSERT_TRUE(train(stage("2_text"), options("text", {"train.steps=1"}), {}));
  const auto text = open_checkpoint(output("text"));
  std::vector<std::pair<std::string, at::Tensor>> renamed;
  for (const std::string& name : text->names())
    renamed.emplace_back("lm." + name.substr(std::string("language_decoder.").size()), text->tensor(name));
  const std::string foreign = (scratch_.path() / "foreign.safetensors").string();
  write_safetensors(foreign, renamed, {});
  const auto with_layout = [&](const std::string& name, const std::string& layout) {
    return options(name,
                   {"train.steps=1", cat("train.init_from=[{path: ", foreign, ", layout: [", layout, "]}]"),
                    "train.trained={_delete_: true, \"adapter.*\": 0.001}"});
  };
  testing::internal::CaptureStderr();
  ASSERT_TRUE(train(stage("3_answers"), with_layout("answers", "{prefix: lm., slot: language_decoder}"), {}));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("of the vision_backbone, "));
  const auto written = open_checkpoint(output("answers"));
  for (const std::string& name : text->names())
    EXPECT_TRUE(at::equal(written->tensor(name), text->tensor(name))) << name;
  EXPECT_TRUE(at::equal(open_checkpoint(foreign)->tensor(renamed.front().first), renamed.front().second));

  const auto error_of = [&](const std::string& layout) {
    try {
      train(stage("3_answers"), with_layout("wrong", layout), {});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(error_of("{prefix: lm., slot: language_decoder}, {prefix: vit., slot: vision_backbone}"),
              HasSubstr("the layout gives no tensor to the slot vision_backbone"));
  EXPECT_THAT(error_of("{prefix: llm., slot: language_decoder}"), HasSubstr("unexpected tensor"));
}

TEST_F(TrainerTest, AModelThatDoesNotFitTheDefaultFilesGetsAdvice) {
  try {
    train(stage("3_answers"), options("x", {"train.init_from=null", "model.resampler={type: mlp}"}), {});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("unexpected tensors"));
    EXPECT_THAT(error.what(), HasSubstr("training starts from the config's weights.files; train.init_from"));
  }
}

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

TEST_F(TrainerTest, ACheckpointWithOtherSettingsIsRefused) {
  TrainHooks interrupt;
  interrupt.cancelled = [] { return true; };
  EXPECT_FALSE(train(stage("2_text"), options("kept"), interrupt));
  EXPECT_THROW(train(stage("2_text"), options("kept", {"train.seed=99"}), {}), Error);
  EXPECT_TRUE(std::filesystem::exists(output("kept") + ".checkpoint"));
}

TEST_F(TrainerTest, ACheckpointOfAnotherModelOrDatasetIsRefused) {
  TrainHooks interrupt;
  interrupt.cancelled = [] { return true; };
  EXPECT_FALSE(train(stage("2_text"), options("kept"), interrupt));
  for (const char* other : {"dataset.seed=99", "model.language_decoder.num_layers=2"})
    EXPECT_THROW(train(stage("2_text"), options("kept", {other}), {}), Error) << other;
}

TEST_F(TrainerTest, AnOutputThatCannotBeWrittenIsAnErrorBeforeTraining) {
  bool ran = false;
  TrainHooks hooks;
  hooks.progress = [&](int64_t, int64_t) { ran = true; };
  EXPECT_THROW(train(stage("2_text"), options("x", {"train.output=/dev/full"}), hooks), Error);
  EXPECT_THROW(train(stage("2_text"), options("x", {"train.output=" + scratch_.path().string()}), hooks),
               Error);
  EXPECT_FALSE(ran);
  const std::string nested = (scratch_.path() / "new" / "folder" / "out.safetensors").string();
  EXPECT_TRUE(train(stage("2_text"), options("x", {"train.output=" + nested, "train.steps=1"}), {}));
  EXPECT_TRUE(std::filesystem::exists(nested));
}

TEST_F(TrainerTest, AStageStartsFromTheWeightsOfAnotherAndShowsSamples) {
  ASSERT_TRUE(train(stage("2_text"), options("text", {"train.steps=1"}), {}));
  const auto from_text = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.end(),
                {"train.init_from=[" + output("text") + "]", "train.steps=1", "train.sample_every=1"});
    return options(name, more);
  };
  std::vector<std::string> samples;
  TrainHooks hooks;
  hooks.sample = [&](const std::string& sample) { samples.push_back(sample); };
  ASSERT_TRUE(train(stage("3_answers"), from_text("answers", {}), hooks));
  ASSERT_FALSE(samples.empty());
  for (const std::string& sample : samples)
    EXPECT_NE(sample.find(" (reference '"), std::string::npos) << sample;
  samples.clear();
  ASSERT_TRUE(train(stage("2_text"), from_text("more_text", {}), hooks));
  EXPECT_TRUE(samples.empty());  // there are no answers to show
  try {
    train(stage("2_text"), from_text("other", {"model.language_decoder.intermediate_size=64"}), {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("text.safetensors: 12 tensors do not fit"));
    EXPECT_THAT(error.what(), HasSubstr("is [128, 352] in the file"));
  }
}

TEST_F(TrainerTest, MatrixProductsMayUseBfloat16) {
  EXPECT_TRUE(train(stage("3_answers"), options("perceiver", {"train.bfloat16=true"}), {}));
  EXPECT_TRUE(train(stage("3_answers"),
                    options("mlp", {"train.bfloat16=true", "model.resampler={type: mlp}",
                                    "train.label_weight=0", "dataset.label_cells=0"}),
                    {}));
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

TEST_F(TrainerTest, TensorsThatNoPatternMatchesAreNotWritten) {
  ASSERT_TRUE(train(stage("1_labels"),
                    options("labels", {"train.trained={_delete_: true, \"resampler.*\": 0.001}"}), {}));
  const auto written = open_checkpoint(output("labels"));
  for (const std::string& name : written->names()) EXPECT_TRUE(name.starts_with("resampler.")) << name;
}

TEST_F(TrainerTest, FrozenTensorsAreLeftOutOfTheOutputOnRequest) {
  ASSERT_TRUE(train(stage("2_text"), options("text", {"train.steps=1"}), {}));
  const auto names_of = [&](const std::string& name, const char* save_frozen) {
    EXPECT_TRUE(train(stage("3_answers"),
                      options(name, {"train.steps=1", "train.init_from=[" + output("text") + "]",
                                     "train.trained={_delete_: true, \"adapter.*\": 0.001}",
                                     std::string("train.save_frozen=") + save_frozen}),
                      {}));
    return open_checkpoint(output(name))->names();
  };
  const auto all = names_of("all", "true"), trained = names_of("trained", "false");
  const auto is_trained = [](const std::string& name) { return name.starts_with("adapter."); };
  EXPECT_FALSE(std::ranges::all_of(all, is_trained));
  EXPECT_TRUE(std::ranges::all_of(trained, is_trained));
  EXPECT_EQ(std::ranges::count_if(all, is_trained), std::ssize(trained));
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
  EXPECT_NE(error_of({"train.init_from=[/no/such/file]"}).find("/no/such/file"), std::string::npos);
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
