#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/scratch.h"

namespace flam::test {

inline std::filesystem::path golden(const std::string& name) {
  const char* folder = std::getenv("FLAM_GOLDEN_DIR");
  return std::filesystem::path(folder ? folder : FLAM_SOURCE_DIR "/tests/golden") / "v1_tiny" / name;
}

}  // namespace flam::test
