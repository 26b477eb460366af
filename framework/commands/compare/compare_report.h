#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "framework/commands/compare/compare_plan.h"

namespace flam {

/// Returns everything that is known: {"experiment", "base", "seeds", "columns": [{key, title, …}],
/// "variants":
/// [{name, status, reason, differences, description, values: {KEY: {mean, low, high, n, each}}, curves,
/// left_out, runs}], "version", "date", "machines", "pictures": […], "stages": [{name, steps, variants}],
/// "tasks": [{name, records, variants}], "bench": {records, new_tokens, threads}}. `threads`: the number that
/// the runs had. `running`: the run of the plan that goes on now, which adds "running": {variant, seed, unit,
/// step, steps} and the learning curve so far.
nlohmann::ordered_json compare_report(const Experiment& experiment, const ComparePlan& plan, int threads,
                                      const ComparePlan::Run* running = nullptr);

/// Returns the table, with a row for each variant.
FLAM_API std::string report_text(const nlohmann::ordered_json& report);
std::string report_csv(const nlohmann::ordered_json& report);

}  // namespace flam
