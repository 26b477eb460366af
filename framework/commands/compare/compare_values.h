#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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
/// The same as {"mean", "low", "high", "n", "each"}.
nlohmann::ordered_json interval_json(const std::vector<double>& values);

/// Columns in the order in which they first occur.
class Columns {
 public:
  void add(const std::string& key, const std::string& title, const std::string& unit, bool lower_is_better);
  /// The same score without what a control takes away; it stands beside the score.
  void add_control(const std::string& key, const std::string& score, const std::string& control);
  /// By group: costs, then training, scores, latency.
  nlohmann::ordered_json take();

 private:
  std::vector<nlohmann::ordered_json> list_;
};

/// Returns the values of one run by column, from the units that are done.
std::map<std::string, double> values_of(const ComparePlan::Run& run, Columns& columns);

}  // namespace flam
