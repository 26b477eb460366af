#include "framework/commands/evaluate/stored_metrics.h"

#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/model/checked.h"
#include "framework/recipe/paths.h"
#include "framework/recipe/run_options.h"

namespace flam {

StoredMetrics::StoredMetrics(const StoredResults& results, const RescoreOptions& options)
    : registry_(open_registry(options.plugin_path)) {
  Value tree = results.config();
  for (const std::string& assignment : options.overrides) {
    if (!assignment.starts_with("metrics"))
      throw Error(cat("--set ", quoted(assignment),
                      ": only the metrics can be set here, for example --set 'metrics=[{type: …}]'; other "
                      "values of the config belong to the run"));
    apply_override(tree, assignment, configs_root());
  }
  const Value* nodes = tree.find("metrics");
  if (!nodes || !nodes->is_list() || nodes->as_list().empty())
    throw Error(cat(quoted(results.folder().string()), " names no `metrics`"));
  ErrorList errors;
  std::vector<ComponentConfig> configs;
  for (const Value& node : nodes->as_list()) configs.push_back(registry_->parse("metric", node, errors));
  errors.throw_if_any();
  for (const ComponentConfig& config : configs)
    metrics_.push_back(build_checked<Metric>(*registry_, config, {}));
}

}  // namespace flam
