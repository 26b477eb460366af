// The checkpoint of a run: which ones are refused, and that a full disk leaves the last one whole.
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>

#include "framework/base/file.h"
#include "framework/weights/checkpoint.h"
#include "tests/support/file_size_limit.h"
#include "tests/train/trainer_fixture.h"

namespace flam {
namespace {

using test::error_of;
using test::expect_equal_files;
using test::FileSizeLimit;
using test::TrainerTest;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using testing::UnorderedElementsAre;

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

class FullDisk : public TrainerTest {
 protected:
  /// Trains until `step`, and writes a checkpoint then.
  void interrupt_at(int64_t step) {
    TrainHooks hooks;
    hooks.cancelled = [calls = int64_t{0}, step]() mutable { return ++calls == step; };
    EXPECT_FALSE(train(stage("2_text"), options("kept"), hooks));
  }
  /// Trains, and from the end of `step` on, files may have at most `limit` bytes.
  std::string error_from(int64_t step, rlim_t limit, const std::string& checkpoint_every = "1") {
    std::optional<FileSizeLimit> full;
    TrainHooks hooks;
    hooks.progress = [&](int64_t done, int64_t) {
      if (done == step) full.emplace(limit);
    };
    const RunOptions run = options("kept", {"train.checkpoint_every=" + checkpoint_every});
    return error_of([&] { train(stage("2_text"), run, hooks); });
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_.path()))
      names.push_back(entry.path().filename().string());
    return names;
  }

  const std::string checkpoint_ = output("kept") + ".checkpoint";
  const std::string metrics_ = output("kept") + ".metrics.jsonl";
};

TEST_F(FullDisk, LeavesTheLastCheckpointWhole) {
  interrupt_at(3);
  const std::string before = read_file(checkpoint_, 1 << 28);
  EXPECT_EQ(
      error_from(4, 100'000),
      "cannot write '" + checkpoint_ +
          "': File too large; once it can be written, the same command continues from the checkpoint of "
          "step 3");
  EXPECT_THAT(files(), UnorderedElementsAre("kept.safetensors.checkpoint", "kept.safetensors.metrics.jsonl"));
  EXPECT_TRUE(read_file(checkpoint_, 1 << 28) == before);
  EXPECT_THAT(error_from(5, 100'000), HasSubstr("continues from the checkpoint of step 4"));

  ASSERT_TRUE(train(stage("2_text"), options("kept"), {}));
  ASSERT_TRUE(train(stage("2_text"), options("whole"), {}));
  expect_equal_files(output("whole"), output("kept"));
}

TEST_F(FullDisk, BeforeTheFirstCheckpointTheRunStartsAgain) {
  EXPECT_THAT(error_from(1, 100'000),
              AllOf(HasSubstr("kept.safetensors.checkpoint': File too large; once it can be written"),
                    HasSubstr("the same command starts again, because there is no checkpoint yet")));
  EXPECT_THAT(files(), UnorderedElementsAre("kept.safetensors.metrics.jsonl"));
  EXPECT_TRUE(train(stage("2_text"), options("kept"), {}));
}

TEST_F(FullDisk, AnOutputThatCannotBeWrittenLeavesTheCheckpoint) {
  EXPECT_THAT(error_from(6, 100'000, "4"),
              AllOf(HasSubstr("kept.safetensors': File too large"), HasSubstr("the checkpoint of step 4")));
  EXPECT_THAT(files(), UnorderedElementsAre("kept.safetensors.checkpoint", "kept.safetensors.metrics.jsonl"));
  EXPECT_TRUE(train(stage("2_text"), options("kept"), {}));
  EXPECT_THAT(files(), UnorderedElementsAre("kept.safetensors", "kept.safetensors.metrics.jsonl"));
}

TEST_F(FullDisk, NumbersThatCannotBeWrittenAreAnErrorToo) {
  interrupt_at(2);
  const std::string before = read_file(metrics_, 1 << 20);
  EXPECT_THAT(error_from(3, before.size() + 20),  // a part of a line
              AllOf(HasSubstr("kept.safetensors.metrics.jsonl': File too large; once it can be written"),
                    HasSubstr("the checkpoint of step 2")));
  EXPECT_TRUE(train(stage("2_text"), options("kept"), {}));
  const std::string after = read_file(metrics_, 1 << 20);
  EXPECT_THAT(after, StartsWith(before));
  EXPECT_EQ(std::ranges::count(after, '\n'), 6);
}

}  // namespace
}  // namespace flam
