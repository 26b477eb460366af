#pragma once
#include <functional>

#include "framework/commands/compare/compare_plan.h"

namespace flam {

struct UnitOptions {
  std::vector<std::filesystem::path> plugin_path;
  int threads = 0;
  int64_t seed = 0;
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

/// Runs the unit and writes its config and result. Returns false if it was cancelled. Training then leaves a
/// checkpoint, from which the next call continues.
bool run_unit(const CompareUnit& unit, const Experiment& experiment, const UnitOptions& options);

}  // namespace flam
