#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "framework/train/train.h"
#include "tests/support/scratch.h"
#include "tests/support/test_device.h"
#include "tests/train/equal_files.h"

namespace flam::test {

/// Runs stages of flamingo_mini's training for a few steps.
class TrainerTest : public testing::Test {
 protected:
  std::string output(const std::string& name) const {
    return (scratch_.path() / (name + ".safetensors")).string();
  }

  RunOptions options(const std::string& name, const std::vector<std::string>& more = {}) const {
    RunOptions out = on_device();
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

  Scratch scratch_;
};

}  // namespace flam::test
