#pragma once
#include <memory>

#include "framework/commands/evaluate/rescore.h"
#include "framework/commands/evaluate/results_folder.h"
#include "framework/commands/evaluate/scorer.h"
#include "framework/registry/registry.h"

namespace flam {

/// The metrics of a stored run, or those that `--set` names instead.
class StoredMetrics {
 public:
  /// If the run's dataset has no answers, metrics that need some are left out. Error: an override sets
  /// something else, or the metrics can't be built.
  StoredMetrics(const StoredResults& results, const RescoreOptions& options);

  const Metrics& metrics() const { return metrics_; }
  /// As in Evaluation.
  const std::vector<std::string>& unscored() const { return unscored_; }
  Registry& registry() const { return *registry_; }

 private:
  std::unique_ptr<Registry> registry_;
  Metrics metrics_;
  std::vector<std::string> unscored_;
};

}  // namespace flam
