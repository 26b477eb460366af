#include "framework/commands/evaluate/stored_metrics.h"

#include "framework/base/text.h"
#include "framework/commands/evaluate/scorable.h"
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
  if (nodes && !nodes->is_list())
    throw Error(nodes->where(),
                cat("`metrics` must be a list of components, such as [{type: exact_match}], found ",
                    nodes->describe()));
  ErrorList errors;
  std::vector<ComponentConfig> configs;
  if (nodes)
    for (const Value& node : nodes->as_list()) configs.push_back(registry_->parse("metric", node, errors));
  errors.throw_if_any();
  for (const ComponentConfig& config : configs)
    metrics_.push_back(build_checked<Metric>(*registry_, config, {}));
  if (results.scores().contains("unscored")) unscored_ = take_out_unscorable(metrics_, results);
}

}  // namespace flam
