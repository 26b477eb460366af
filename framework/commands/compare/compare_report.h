#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "framework/commands/compare/compare_plan.h"

namespace flam {

/// Mean over seeds with the ends of its 95% confidence interval (Student's t); the ends are the mean's own
/// where there is one value only, and `n` says so.
struct Interval {
  double mean = 0, low = 0, high = 0;
  int64_t n = 0;
};
FLAM_API Interval interval_of(const std::vector<double>& values);

/// Everything that is known: {"experiment", "base", "seeds", "columns": [{key, title, …}], "variants":
/// [{name, status, reason, differences, description, values: {KEY: {mean, low, high, n, each}}, curves,
/// left_out, runs}], "pictures": […], "stages": [{name, steps, variants}], "tasks": [{name, records,
/// variants}], "bench": {records, new_tokens, threads}}. `threads`: that the runs have had.
nlohmann::ordered_json compare_report(const Experiment& experiment, const ComparePlan& plan, int threads);

/// The table: a row for each variant.
FLAM_API std::string report_text(const nlohmann::ordered_json& report);
std::string report_csv(const nlohmann::ordered_json& report);

}  // namespace flam
