#pragma once
// `flam check-plugin`: does a plugin keep the contracts that it says it keeps?

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

struct CheckOptions {
  /// A run config, by name or path, which says what parameters a component of the plugin gets when it runs
  /// (model.KIND, transforms, task_head, dataset, metrics); "": defaults.
  std::string config;
  std::vector<std::string> overrides;              // `--set` assignments on it
  std::vector<std::filesystem::path> plugin_path;  // of the other components that the config names
  int64_t max_bytes = int64_t{1} << 30;            // of float32 weights; a larger component doesn't run
  std::chrono::milliseconds timeout{60'000};       // of one check: working, or asleep
};

/// What one check found.
struct PluginCheck {
  enum class Outcome { ok, failed, skipped };
  std::string component;  // "resampler 'perceiver'"; "" for the library
  std::string name;       // "gradient"
  Outcome outcome = Outcome::ok;
  std::string detail;
};

/// Checks the library, then every component that it enrolls. Whatever runs code of a component does so in a
/// child process of its own, so that a crash, an exit or a hang is one check's failure. `report` is called
/// after each. Error: no plugin library at all, a config that can't be read, or parameters in
/// it that a component doesn't take.
FLAM_API void check_plugin(const std::filesystem::path& library, const CheckOptions& options,
                           const std::function<void(const PluginCheck&)>& report);

}  // namespace flam
