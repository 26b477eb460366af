#pragma once
// Paths of the fixture plugins.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/scratch.h"

namespace flam {

using test::error_of;
using test::Scratch;

inline std::filesystem::path fixture_plugin(const std::string& name) {
  return std::filesystem::path(FLAM_FIXTURE_PLUGINS) / name / ("libflam_" + name + ".so");
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Copies the good plugin, with another name if `name` is given.
inline std::filesystem::path copy_good(const std::filesystem::path& folder,
                                       const std::string& name = "good") {
  std::filesystem::create_directories(folder);
  const auto to = folder / ("libflam_" + name + ".so");
  std::filesystem::copy_file(fixture_plugin("good"), to, std::filesystem::copy_options::overwrite_existing);
  return to;
}

}  // namespace flam
