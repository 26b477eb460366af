// Reduces the results of units to numbers: the values of a run by column, and their mean over the seeds.

#include "framework/commands/compare/compare_values.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "framework/base/text.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

/// 97.5% quantile of Student's t.
double t_quantile(int64_t degrees) {
  static constexpr std::array<double, 30> kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                                    2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                                    2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                                    2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
  if (degrees <= std::ssize(kTable)) return kTable[static_cast<size_t>(degrees - 1)];
  const auto n = static_cast<double>(degrees);
  return 1.96 + 2.37 / n +
         2.9 / (n * n);  // to three digits, from the expansion about the normal distribution
}

/// A stored number that is not finite is null, and a file may have been changed. Such values are left out.
std::optional<double> number_of(const Json& node, const char* key) {
  const auto found = node.find(key);
  if (found == node.end() || !found->is_number()) return {};
  return found->get<double>();
}

}  // namespace

Interval interval_of(const std::vector<double>& values) {
  Interval out;
  out.n = std::ssize(values);
  if (values.empty()) return out;
  const auto n = static_cast<double>(out.n);
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - out.mean) * (value - out.mean);
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (out.n < 3) {
    out.low = *least;
    out.high = *most;
    return out;
  }
  const double half = t_quantile(out.n - 1) * std::sqrt(squares / (n - 1) / n);
  out.low = *least >= 0 ? std::max(out.mean - half, 0.0) : out.mean - half;
  out.high = out.mean + half;
  return out;
}

Json interval_json(const std::vector<double>& values) {
  const Interval interval = interval_of(values);
  return {{"mean", interval.mean},
          {"low", interval.low},
          {"high", interval.high},
          {"n", interval.n},
          {"each", values}};
}

void Columns::add(const std::string& key, const std::string& title, const std::string& unit,
                  bool lower_is_better) {
  for (const Json& column : list_)
    if (column["key"] == key) return;
  list_.push_back({{"key", key}, {"title", title}, {"unit", unit}, {"lower_is_better", lower_is_better}});
}

void Columns::add_control(const std::string& key, const std::string& score, const std::string& control) {
  for (const Json& column : list_)
    if (column["key"] == key) return;
  const auto beside =
      std::find_if(list_.begin(), list_.end(), [&](const Json& column) { return column["key"] == score; });
  if (beside == list_.end()) return;
  const std::string title = cat((*beside)["title"].get<std::string>(), " (", control, ")");
  const Json column = {
      {"key", key}, {"title", title}, {"unit", ""}, {"lower_is_better", false}, {"control", control}};
  list_.insert(beside + 1, column);
}

Json Columns::take() {
  const auto rank = [](const Json& column) {
    const std::string key = column["key"];
    constexpr std::string_view kGroups[] = {"parameters",       "flops", "step_flops", "peak_memory_bytes",
                                            "training_seconds", "loss ", "score "};
    const auto found = std::find_if(std::begin(kGroups), std::end(kGroups),
                                    [&](std::string_view group) { return key.starts_with(group); });
    return found - std::begin(kGroups);
  };
  std::stable_sort(list_.begin(), list_.end(),
                   [&](const Json& a, const Json& b) { return rank(a) < rank(b); });
  return list_;
}

std::map<std::string, double> values_of(const ComparePlan::Run& run, Columns& columns) {
  std::map<std::string, double> out;
  double memory = 0;
  for (const CompareUnit& unit : run.units) {
    const auto* result = unit.result();
    if (!result) continue;
    memory = std::max(memory, number_of(*result, "peak_memory_bytes").value_or(0));
    if (unit.kind == CompareUnit::Kind::train) {
      columns.add("training_seconds", "training", "s", true);
      out["training_seconds"] += number_of(*result, "training_seconds").value_or(0);
      std::erase_if(out, [](const auto& entry) {
        return entry.first.starts_with("loss ");
      });  // only the losses of the last stage are shown
      for (const auto& [name, loss] : (*result)["losses"].items()) {
        if (!loss.is_number()) continue;
        out["loss " + name] = loss.get<double>();
        columns.add("loss " + name, "loss " + name, "", true);
      }
    } else if (unit.kind == CompareUnit::Kind::evaluate) {
      for (const auto& [name, score] : (*result)["scores"].items()) {
        if (!score.is_number()) continue;
        const std::string key = cat("score ", unit.task.name, ".", name);
        out[key] = score.get<double>();
        columns.add(key, cat(unit.task.name, " ", name), "", false);
      }
      const Json controls = result->value("controls", Json::object());
      for (const auto& [control, scores] : controls.items()) {
        for (const auto& [name, score] : scores.items()) {
          if (!score.is_number()) continue;
          const std::string of = cat("score ", unit.task.name, ".", name), key = cat(of, " ", control);
          out[key] = score.get<double>();
          columns.add_control(key, of, control);
        }
      }
    } else if (const auto latency = number_of(*result, "latency_ms")) {
      out["latency_ms"] = *latency;
      columns.add("latency_ms", "latency", "ms", true);
    }
  }
  if (memory > 0) {
    out["peak_memory_bytes"] = memory;
    columns.add("peak_memory_bytes", "peak memory", "B", true);
  }
  return out;
}

}  // namespace flam
