#pragma once
// `flam check-plugin` tests whether a plugin keeps the contracts of its components.

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

struct CheckOptions {
  /// A run config, by name or path, that has the parameters with which the plugin's components run
  /// (model.KIND, transforms, task_head, dataset, metrics); "" for the defaults.
  std::string config;
  std::vector<std::string> overrides;  // `--set` assignments on it
  /// A checkpoint, a file or a folder, from which the plugin's neural component takes its weights; "": random
  /// ones. Its keys are looked up in the naming table `naming`, without `prefix`; both "": they are
  /// KIND.NAME.
  std::string weights, naming, prefix;
  std::vector<std::string> ignore;  // patterns of keys that are not used
  std::vector<std::filesystem::path>
      plugin_path;                       // where the other components that the config names are searched
  int64_t max_bytes = int64_t{1} << 30;  // limit for float32 weights; a larger component is not run
  std::chrono::milliseconds timeout{
      60'000};  // limit for one check, for its processor time and for the time it sleeps
};

/// What one check found.
struct PluginCheck {
  enum class Outcome { ok, failed, skipped };
  std::string component;  // "resampler 'perceiver'"; "" for the library
  std::string name;       // "gradient"
  Outcome outcome = Outcome::ok;
  std::string detail;
};

/// Checks the library, then every component that it registers. Each check runs in its own child process, so
/// that a crash, an exit or a hang fails only that check. `report` is called after each check. Error: the
/// library is not a plugin, the config can't be read, or it has parameters that a component doesn't take; or
/// the checkpoint can't be read, there is not exactly one component that it could be for, or that component
/// has no such naming table.
FLAM_API void check_plugin(const std::filesystem::path& library, const CheckOptions& options,
                           const std::function<void(const PluginCheck&)>& report);

}  // namespace flam
