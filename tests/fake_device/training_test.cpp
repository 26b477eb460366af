// What a training step asks of a device, counted on the fake device.
#include <gtest/gtest.h>

#include "framework/train/train.h"
#include "tests/fake_device/fake_device.h"
#include "tests/support/scratch.h"

namespace flam {
namespace {

using test::FakeDeviceCounts;
using test::take_fake_device_counts;

/// The counts of the third step of a stage, in `batches` micro-batches of two pictures each.
FakeDeviceCounts counts_of_a_step(const std::string& stage, int batches) {
  const test::Scratch scratch;
  RunOptions options;
  options.device = "fake";
  options.overrides = {"train.output=" + (scratch.path() / "out.safetensors").string(),
                       "train.init_from=[]",
                       "train.steps=3",
                       "train.log_every=100",
                       "train.sample_every=0",
                       "train.checkpoint_every=0",
                       "train.batch_size=" + std::to_string(2 * batches),
                       "train.micro_batch_size=2"};
  FakeDeviceCounts counts;
  TrainHooks hooks;
  hooks.progress = [&](int64_t, int64_t) { counts = take_fake_device_counts(); };
  EXPECT_TRUE(train(std::string(FLAM_SOURCE_DIR) + "/configs/_base_/train/" + stage, options, hooks));
  return counts;
}

TEST(ATrainingStep, WaitsForTheDeviceOnce) {
  for (const int batches : {1, 3}) {
    const FakeDeviceCounts counts = counts_of_a_step("flamingo_mini_3_answers.yaml", batches);
    EXPECT_EQ(counts.synchronisations, 1) << batches << " batches: " << counts.describe();
  }
}

TEST(ATrainingStep, UpdatesAllTensorsInAFewKernels) {
  const FakeDeviceCounts counts = counts_of_a_step("flamingo_mini_3_answers.yaml", 1);
  int64_t updates = 0;
  for (const auto& [name, count] : counts.by_operator) {
    if (name.starts_with("aten::_foreach")) updates += count;
  }
  EXPECT_LE(updates, 12) << counts.describe();
  EXPECT_GE(updates, 8) << counts.describe();
}

}  // namespace
}  // namespace flam
