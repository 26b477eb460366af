#pragma once
// `flam compare`: every variant of an experiment trained, scored and timed alike, and one report about them.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "framework/commands/compare/experiment.h"

namespace flam {

struct CompareOptions {
  std::vector<std::filesystem::path> plugin_path;
  int threads = 0;  // of each run; 0: libtorch's default, or with only_report those of the runs there
  bool only_report = false;  // run nothing, report what is there
  /// A line for each unit when it is done, and, where stderr is no terminal that could show progress, when it
  /// begins.
  std::function<void(const std::string& line)> say;
  std::function<void(const std::string& what, int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

struct CompareResult {
  bool cancelled = false;
  int64_t failed = 0;  // variants that have a run that failed
};

/// Runs what has not been done yet, each variant and seed in a child process (the caller must have no other
/// threads), and writes compare.json, compare.csv and compare.html into `experiment.output`, anew after each
/// run. A variant that fails is a row with the reason. Error: another process works in that folder, or with
/// only_report there is no run to report.
FLAM_API CompareResult compare(const Experiment& experiment, Registry& registry,
                               const CompareOptions& options, nlohmann::ordered_json& report);

struct PlanSummary {
  std::string text;        // of each variant: what it changes, its units, what is done already
  int64_t impossible = 0;  // variants that can't be run
};

/// The plan alone. `threads` as in CompareOptions: with other ones, times are others.
FLAM_API PlanSummary plan_summary(const Experiment& experiment, Registry& registry, int threads = 0);

}  // namespace flam
