#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "framework/commands/compare/compare_plan.h"

namespace flam {

/// Mean over seeds with the ends of its 95% confidence interval (Student's t). The interval of values that
/// are never negative isn't either. Two values have no useful interval, so the ends are the values; both ends
/// equal the mean if there is only one (`n` is 1).
struct Interval {
  double mean = 0, low = 0, high = 0;
  int64_t n = 0;
};
FLAM_API Interval interval_of(const std::vector<double>& values);

/// Returns everything that is known: {"experiment", "base", "seeds", "columns": [{key, title, …}],
/// "variants":
/// [{name, status, reason, differences, description, values: {KEY: {mean, low, high, n, each}}, curves,
/// left_out, runs}], "version", "date", "machines", "pictures": […], "stages": [{name, steps, variants}],
/// "tasks": [{name, records, variants}], "bench": {records, new_tokens, threads}}. `threads`: the number that
/// the runs had.
nlohmann::ordered_json compare_report(const Experiment& experiment, const ComparePlan& plan, int threads);

/// Returns the table, with a row for each variant.
FLAM_API std::string report_text(const nlohmann::ordered_json& report);
std::string report_csv(const nlohmann::ordered_json& report);

}  // namespace flam
