#pragma once
// Runs `flam compare` on an experiment in a scratch folder, and reads the files that it leaves there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "framework/base/file.h"
#include "tests/cli/run_flam.h"
#include "tests/commands/compare/tiny_experiment.h"

namespace flam {

using nlohmann::json;
using test::run_flam;
using testing::HasSubstr;
using testing::Not;

class Compare : public testing::Test {
 protected:
  std::string write(const std::string& text) const {
    write_file(scratch_ / "tiny.yaml", text);
    return (scratch_ / "tiny.yaml").string();
  }
  std::string output() const { return (scratch_ / "out").string(); }
  test::Ran compare(const std::string& text, const std::string& arguments = "") const {
    return run_flam("compare " + write(text) + " --threads 1 --output " + output() + " " + arguments);
  }
  std::string read(const std::string& name) const { return read_file(scratch_ / "out" / name, 1 << 24); }
  /// Every file in the folder `work` whose name ends with `ending`.
  std::vector<std::filesystem::path> work(const std::string& ending) const {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "out" / "work"))
      if (entry.path().native().ends_with(ending)) out.push_back(entry.path());
    return out;
  }
  /// The time at which each result was written.
  std::map<std::string, std::filesystem::file_time_type> results() const {
    std::map<std::string, std::filesystem::file_time_type> out;
    for (const auto& entry : std::filesystem::directory_iterator(scratch_ / "out" / "work"))
      if (entry.path().extension() == ".json") out[entry.path().filename()] = entry.last_write_time();
    return out;
  }
  /// A script that runs its arguments as $flam, runs `commands` as soon as a training stage has reported, and
  /// exits with the status of $flam.
  std::string once_training(const std::string& commands) const {
    const std::string script = (scratch_ / "once_training.sh").string();
    write_file(script, "\"$@\" & flam=$!\nfor i in $(seq 600); do ls " + output() +
                           "/work/*.curve >/dev/null 2>&1 && break; sleep 0.1; done\n" + commands +
                           "wait $flam\n");
    return script;
  }
  test::Scratch scratch_;
};

/// An experiment without training: random weights, and only the first words of each answer.
inline constexpr const char* kUntrained =
    "stages: []\nweights: random\nseeds: [1]\nbench: {records: 1, warmup: 0, new_tokens: 1}\n"
    "base: flamingo_mini_caption\npictures: 0\nset: {generation.max_new_tokens: 2}\n";

}  // namespace flam
