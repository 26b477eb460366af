#pragma once
// Where the fixture plugins lie, and a folder that is removed after the test.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "framework/base/error.h"

namespace flam {

inline std::filesystem::path fixture_plugin(const std::string& name) {
  return std::filesystem::path(FLAM_FIXTURE_PLUGINS) / name / ("libflam_" + name + ".so");
}

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "flam_test_XXXXXX").string();
    path_ = std::filesystem::canonical(mkdtemp(name.data()));
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A copy of the good plugin, under another name if wanted.
inline std::filesystem::path copy_good(const std::filesystem::path& folder,
                                       const std::string& name = "good") {
  std::filesystem::create_directories(folder);
  const auto to = folder / ("libflam_" + name + ".so");
  std::filesystem::copy_file(fixture_plugin("good"), to, std::filesystem::copy_options::overwrite_existing);
  return to;
}

/// The message of the Error that `act` throws; "" if it throws none.
template <class Act>
std::string message_of(const Act& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace flam
