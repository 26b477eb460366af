#pragma once
// `flam compare`: trains, scores and times every variant of an experiment in the same way, and writes one
// report.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "framework/commands/compare/experiment.h"

namespace flam {

struct CompareOptions {
  std::vector<std::filesystem::path> plugin_path;
  int threads =
      0;  // of each run; 0: libtorch's default, or with only_report the number that the earlier runs had
  bool only_report = false;  // run nothing, only report existing results
  /// Called with a line when a unit is done. If stderr is not a terminal, which could show progress, it is
  /// also called when a unit begins.
  std::function<void(const std::string& line)> say;
  std::function<void(const std::string& what, int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

struct CompareResult {
  bool cancelled = false;
  int64_t failed = 0;  // variants with a failed run
};

/// Runs what has not been done yet, each variant and seed in a child process (the caller must have no other
/// threads). It writes compare.json, compare.csv and compare.html in `experiment.output`, when a run begins,
/// every few seconds while it trains, and at the end. A variant that fails is a row with the reason. Error:
/// another process is working in that folder, a report would replace a file that is none, or with only_report
/// there is no run to report.
FLAM_API CompareResult compare(const Experiment& experiment, Registry& registry,
                               const CompareOptions& options, nlohmann::ordered_json& report);

struct PlanSummary {
  std::string text;        // for each variant: its changes, its units, and which of them are done
  int64_t impossible = 0;  // variants that can't be run
};

/// Describes the plan without running it. `threads` is as in CompareOptions; it matters because times depend
/// on it.
FLAM_API PlanSummary plan_summary(const Experiment& experiment, Registry& registry, int threads = 0);

}  // namespace flam
