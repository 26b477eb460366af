// Gathers the results of all runs in one tree, from which the text, CSV and HTML reports are made.

#include "framework/commands/compare/compare_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

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

/// Columns in the order in which they first occur.
class Columns {
 public:
  void add(const std::string& key, const std::string& title, const std::string& unit, bool lower_is_better) {
    for (const Json& column : list_)
      if (column["key"] == key) return;
    list_.push_back({{"key", key}, {"title", title}, {"unit", unit}, {"lower_is_better", lower_is_better}});
  }
  /// The same score without what a control takes away; it stands beside the score.
  void add_control(const std::string& key, const std::string& score, const std::string& control) {
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
  /// By group: costs, then training, scores, latency.
  Json take() {
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

 private:
  std::vector<Json> list_;
};

/// A stored number that is not finite is null, and a file may have been changed. Such values are left out.
std::optional<double> number_of(const Json& node, const char* key) {
  const auto found = node.find(key);
  if (found == node.end() || !found->is_number()) return {};
  return found->get<double>();
}

/// Returns the values of one run by column, from the units that are done.
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

Json interval_json(const std::vector<double>& values) {
  const Interval interval = interval_of(values);
  return {{"mean", interval.mean},
          {"low", interval.low},
          {"high", interval.high},
          {"n", interval.n},
          {"each", values}};
}

/// Returns the learning curve of the last stage that a run has finished: {"stage", "seed", "points"}.
Json curve_of(const ComparePlan::Run& run) {
  Json out;
  for (const CompareUnit& unit : run.units) {
    if (unit.kind != CompareUnit::Kind::train) continue;
    if (const auto* result = unit.result())
      out = {{"stage", unit.name.substr(unit.name.find(' ') + 1)},
             {"seed", run.seed},
             {"points", (*result)["curve"]}};
  }
  return out;
}

Json variant_json(const ComparePlan::Variant& variant, Columns& columns) {
  Json out = {{"name", variant.name}, {"status", "done"}, {"differences", variant.differences}};
  std::string reason = variant.error;
  std::map<std::string, std::vector<double>> values;
  out["runs"] = Json::array();
  out["curves"] = Json::array();
  int64_t done = 0, left_out = 0;
  for (const ComparePlan::Run& run : variant.runs) {
    const CompareUnit* next = run.first_unfinished();
    const auto failure = next ? next->failure() : std::nullopt;
    Json node = {{"seed", run.seed}, {"status", !next ? "done" : failure ? "failed" : "not run"}};
    if (failure) {
      node["reason"] = cat(next->name, ": ", *failure);
      if (reason.empty()) reason = cat("seed ", run.seed, ": ", next->name, ": ", *failure);
    }
    node["values"] = Json::object();
    for (const auto& [key, value] : values_of(run, columns)) {
      values[key].push_back(value);
      node["values"][key] = value;
    }
    for (const CompareUnit& unit : run.units) {
      const auto* result = unit.result();
      if (result && result->contains("left_out"))
        left_out = std::max(left_out, (*result)["left_out"].get<int64_t>());
      if (result && result->contains("controls")) node["controls"][unit.task.name] = (*result)["controls"];
    }
    if (Json curve = curve_of(run); !curve.is_null()) out["curves"].push_back(std::move(curve));
    done += !next;
    out["runs"].push_back(std::move(node));
  }
  if (!reason.empty()) {
    out["status"] = "failed";
    out["reason"] = reason;
  } else if (done < std::ssize(variant.runs)) {
    out["status"] = done == 0 ? "not run" : "under way";
  }
  out["left_out"] = left_out;
  out["values"] = Json::object();
  if (!variant.description.is_null()) {
    out["description"] = variant.description;
    for (const auto& [key, from] : {std::pair("parameters", "parameters"), std::pair("flops", "prompt_flops"),
                                    std::pair("step_flops", "step_flops")}) {
      out["values"][key] = interval_json({variant.description[from].get<double>()});
    }
  }
  for (const auto& [key, each] : values) out["values"][key] = interval_json(each);
  return out;
}

/// Returns the records shown for each task, with every variant's answer from the first seed that has one.
Json pictures_json(const ComparePlan& plan) {
  Json out = Json::array();
  std::map<std::pair<std::string, std::string>, size_t> places;  // task and record → index
  for (const auto& variant : plan.variants) {
    for (const ComparePlan::Run& run : variant.runs) {
      for (const CompareUnit& unit : run.units) {
        const auto* result = unit.kind == CompareUnit::Kind::evaluate ? unit.result() : nullptr;
        if (!result) continue;
        size_t number = 0;
        for (const Json& shown : (*result)["shown"]) {
          const auto [place, fresh] =
              places.try_emplace({unit.task.name, std::to_string(number++)}, out.size());
          if (fresh) {
            Json entry = {{"task", unit.task.name}};
            for (const char* key : {"id", "question", "references", "picture"}) entry[key] = shown[key];
            entry["answers"] = Json::object();
            out.push_back(std::move(entry));
          }
          Json& answers = out[place->second]["answers"];
          if (!answers.contains(variant.name)) answers[variant.name] = shown["answer"];
        }
      }
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Json& a, const Json& b) { return a["task"] < b["task"]; });
  return out;
}

/// Returns how much of each stage or task has been done, and for how many variants.
Json done_json(const ComparePlan& plan, CompareUnit::Kind kind, const char* count) {
  Json out = Json::array();
  for (const auto& variant : plan.variants) {
    std::set<std::pair<std::string, Json>> seen;
    for (const ComparePlan::Run& run : variant.runs) {
      for (const CompareUnit& unit : run.units) {
        const auto* result = unit.kind == kind ? unit.result() : nullptr;
        if (!result || !result->contains(count)) continue;
        const std::string name = unit.name.substr(unit.name.find(' ') + 1);
        if (!seen.insert({name, (*result)[count]}).second) continue;
        const auto same = [&](const Json& entry) {
          return entry["name"] == name && entry[count] == (*result)[count];
        };
        const auto found = std::find_if(out.begin(), out.end(), same);
        if (found != out.end()) {
          (*found)["variants"] = (*found)["variants"].get<int64_t>() + 1;
        } else {
          out.push_back({{"name", name}, {count, (*result)[count]}, {"variants", 1}});
        }
      }
    }
  }
  return out;
}

/// When, where and by which version the results were made: {"version", "date"} of the newest one, and
/// "machines", each once.
void add_origin(Json& report, const ComparePlan& plan) {
  std::string version, date;
  std::set<std::string> machines;
  for (const auto& variant : plan.variants) {
    for (const ComparePlan::Run& run : variant.runs) {
      for (const CompareUnit& unit : run.units) {
        const auto* result = unit.result();
        if (!result) continue;
        const auto text = [&](const char* key) {
          const auto found = result->find(key);
          return found != result->end() && found->is_string() ? found->get<std::string>() : std::string();
        };
        if (text("date") > date) {
          date = text("date");
          version = text("version");
        }
        if (!text("machine").empty()) machines.insert(text("machine"));
      }
    }
  }
  report["version"] = version;
  report["date"] = date;
  report["machines"] = machines;
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

Json compare_report(const Experiment& experiment, const ComparePlan& plan, int threads) {
  Columns columns;
  columns.add("parameters", "parameters", "", true);
  columns.add("flops", "prompt", "FLOP", true);
  columns.add("step_flops", "token", "FLOP", true);
  Json report = {{"experiment", experiment.name},
                 {"base", experiment.base},
                 {"seeds", experiment.seeds},
                 {"output", experiment.output},
                 {"prompt_tokens", experiment.prompt_tokens},
                 {"stages", done_json(plan, CompareUnit::Kind::train, "steps")},
                 {"tasks", done_json(plan, CompareUnit::Kind::evaluate, "records")}};
  report["bench"] = {{"records", experiment.bench.records},
                     {"new_tokens", experiment.bench.new_tokens},
                     {"threads", threads}};
  Json variants = Json::array();
  for (const auto& variant : plan.variants) variants.push_back(variant_json(variant, columns));
  const auto has_values = [&](const Json& column) {
    const std::string key = column["key"];
    return std::any_of(variants.begin(), variants.end(),
                       [&](const Json& variant) { return variant["values"].contains(key); });
  };
  report["columns"] = Json::array();
  for (const Json& column : columns.take())
    if (has_values(column)) report["columns"].push_back(column);
  add_origin(report, plan);
  report["variants"] = std::move(variants);
  report["pictures"] = pictures_json(plan);
  return report;
}

}  // namespace flam
