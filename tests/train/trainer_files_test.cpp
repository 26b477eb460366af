// The files that training starts from and writes.
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/weights/checkpoint.h"
#include "tests/train/trainer_fixture.h"

namespace flam {
namespace {

using test::TrainerTest;
using testing::HasSubstr;
using testing::Not;

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

}  // namespace
}  // namespace flam
