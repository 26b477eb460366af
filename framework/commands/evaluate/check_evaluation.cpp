// The errors of an evaluation that need no weights.
#include "framework/base/text.h"
#include "framework/commands/evaluate/evaluate.h"
#include "framework/commands/evaluate/results_folder.h"

namespace flam {

std::vector<std::string> passes_of(const EvaluateOptions& options) {
  std::vector<std::string> names = {results::kAnswers};
  if (options.blind) names.emplace_back("blind");
  if (options.swapped) names.emplace_back("swapped");
  return names;
}

void check_evaluation(const RunConfig& config, const EvaluateOptions& options) {
  if (options.batch_size < 1)
    throw Error(cat("the batch size is ", options.batch_size, "; it must be at least 1"));
  if (!config.dataset) throw Error(cat("config ", quoted(config.name), " names no `dataset` to evaluate on"));
  if (config.metrics.empty() && options.output.empty())
    throw Error(cat("config ", quoted(config.name),
                    " names no `metrics` to evaluate with; to store the answers alone, name --output"));
  if (!config.task_head) throw Error(cat("config ", quoted(config.name), " names no `task_head`"));
  if (options.shots.value_or(0) > 0 && !config.shots)
    throw Error(cat("config ", quoted(config.name),
                    " names no `shots` to take examples from; add for example --set 'shots={dataset: {type: "
                    "…}}'"));
  if (options.group && options.output.empty())
    throw Error("several processes need a folder that all of them share; name it with --output");
  // In a group, rank 0 may have written to the folder already when another rank comes here.
  if (options.output.empty() || (options.group && !options.group->is_first())) return;
  results::require_usable(options.output, passes_of(options), options.overwrite);
}

}  // namespace flam
