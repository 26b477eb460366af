#pragma once
// Plans the units of an experiment. The key of each unit shows whether it has already been done.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "framework/commands/compare/experiment.h"

namespace flam {

/// One stage of training, one task's evaluation, or the timing, of one variant and seed.
struct CompareUnit {
  enum class Kind { train, evaluate, bench };
  Kind kind = Kind::train;
  std::string name;  // "train joint", "evaluate caption", "bench"
  std::string key;   // a hash of everything that the result depends on
  Value config;      // resolved; written beside the result
  std::filesystem::path
      stem;  // of its files in the output folder: STEM.yaml, .json (the result), .safetensors
  ExperimentTask task;
  bool random_weights = false;  // no stage trains any, and the experiment does not use the config's

  std::filesystem::path file(const char* extension) const { return stem.native() + extension; }
  /// The stored result, which is read once; null if the unit has not been done.
  const nlohmann::ordered_json* result() const;
  /// The points of the learning curve of a training unit so far, from STEM.curve, which has a line for each.
  /// What can't be read is left out.
  std::vector<nlohmann::ordered_json> curve() const;
  /// Removes the curve of an attempt that has left no checkpoint to continue from.
  void forget_abandoned_curve() const;
  /// Whether a process has begun the unit, which first writes STEM.yaml.
  bool begun() const;
  /// Why the unit failed when it was last tried. This is stored in STEM.failed.json until the unit is done.
  std::optional<std::string> failure() const;
  void keep_failure(const std::string& reason) const;
  void forget_failure() const;

 private:
  mutable std::optional<nlohmann::ordered_json> result_;  // never changes after it has been read
};

struct ComparePlan {
  struct Run {
    int64_t seed = 0;
    std::vector<CompareUnit> units;
    const CompareUnit* first_unfinished() const;  // nullptr: all are done
    bool finished() const { return !first_unfinished(); }
  };
  struct Variant {
    std::string name;
    std::string error;                     // why it can't be run
    nlohmann::ordered_json description;    // as printed by `flam describe --json`, without tensors
    std::vector<std::string> differences;  // from the base: "model.resampler 'perceiver' → 'mlp'"
    std::vector<Run> runs;
  };
  std::vector<Variant> variants;
};

/// Parses and describes every variant and computes the keys of its units. If a variant is wrong, its `error`
/// says why. `threads`: of each run, at least 1.
ComparePlan plan_experiment(const Experiment& experiment, Registry& registry, int threads);

}  // namespace flam
