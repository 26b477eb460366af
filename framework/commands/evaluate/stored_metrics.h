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
  /// Error: an override sets something else, there are no metrics, or they can't be built.
  StoredMetrics(const StoredResults& results, const RescoreOptions& options);

  const Metrics& metrics() const { return metrics_; }
  Registry& registry() const { return *registry_; }

 private:
  std::unique_ptr<Registry> registry_;
  Metrics metrics_;
};

}  // namespace flam
