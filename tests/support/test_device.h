#pragma once
// The device on which tests run that can run on several.
#include <cstdlib>
#include <string>

#include "framework/recipe/run_options.h"

namespace flam::test {

/// Names the device of FLAM_TEST_DEVICE, or the CPU. CTest runs some tests a second time with "fake", the
/// device of tests/fake_device; on a machine with a GPU, they can be run with "cuda".
inline std::string device() {
  const char* named = std::getenv("FLAM_TEST_DEVICE");
  return named && *named ? named : "cpu";
}

/// Options that differ from the defaults in the device only.
inline RunOptions on_device() {
  RunOptions options;
  options.device = device();
  return options;
}

}  // namespace flam::test
