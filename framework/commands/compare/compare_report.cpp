// Gathers the results of all runs in one tree, from which the text, CSV and HTML reports are made.

#include "framework/commands/compare/compare_report.h"

#include <algorithm>
#include <map>
#include <set>

#include "framework/base/text.h"
#include "framework/commands/compare/compare_values.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

/// The stage or the task of a unit.
std::string name_in(const CompareUnit& unit) {
  return unit.name.substr(unit.name.find(' ') + 1);
}

/// The run that goes on now, if there is one, and how far it is.
struct Running {
  explicit Running(const ComparePlan::Run* going_on) : run(going_on) {
    unit = run ? run->first_unfinished() : nullptr;
    training = unit && unit->kind == CompareUnit::Kind::train;
    if (training) points = unit->curve();
  }

  /// {"variant", "seed", "unit", "step", "steps"}. Only training has steps. There is no unit if the run has
  /// finished its last one.
  Json json(const std::string& variant) const {
    Json out = {{"variant", variant}, {"seed", run->seed}};
    if (unit) out["unit"] = unit->name;
    if (training) {
      out["step"] = points.empty() ? Json(0) : points.back()["step"];
      out["steps"] = unit->config.find("train")->find("steps")->as_int();
    }
    return out;
  }

  const ComparePlan::Run* run;
  const CompareUnit* unit = nullptr;
  bool training = false;
  std::vector<Json> points;  // of the learning curve of the stage
};

/// Returns the learning curve of the last stage that a run has finished or is training: {"stage", "seed",
/// "points"}.
Json curve_of(const ComparePlan::Run& run, const Running& running) {
  Json out;
  const auto take = [&](const CompareUnit& unit, const Json& points) {
    out = {{"stage", name_in(unit)}, {"seed", run.seed}, {"points", points}};
  };
  for (const CompareUnit& unit : run.units) {
    if (unit.kind != CompareUnit::Kind::train) continue;
    if (const auto* result = unit.result()) take(unit, (*result)["curve"]);
    if (&unit == running.unit && !running.points.empty()) take(unit, running.points);
  }
  return out;
}

Json variant_json(const ComparePlan::Variant& variant, const Running& running, Columns& columns) {
  Json out = {{"name", variant.name}, {"status", "done"}, {"differences", variant.differences}};
  std::string reason = variant.error;
  std::map<std::string, std::vector<double>> values;
  out["runs"] = Json::array();
  out["curves"] = Json::array();
  int64_t done = 0, left_out = 0;
  for (const ComparePlan::Run& run : variant.runs) {
    const CompareUnit* next = run.first_unfinished();
    const bool goes_on = &run == running.run;
    // A failure that is stored for a run that goes on is one of an earlier attempt.
    const auto failure = next && !goes_on ? next->failure() : std::nullopt;
    Json node = {{"seed", run.seed},
                 {"status", !next     ? "done"
                            : goes_on ? "running"
                            : failure ? "failed"
                                      : "not run"}};
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
    if (Json curve = curve_of(run, running); !curve.is_null()) out["curves"].push_back(std::move(curve));
    done += !next;
    if (goes_on) out["status"] = "running";
    out["runs"].push_back(std::move(node));
  }
  if (!reason.empty()) {
    out["status"] = "failed";
    out["reason"] = reason;
  } else if (out["status"] != "running" && done < std::ssize(variant.runs)) {
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
        const std::string name = name_in(unit);
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

Json compare_report(const Experiment& experiment, const ComparePlan& plan, int threads,
                    const ComparePlan::Run* running) {
  const Running now(running);
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
  for (const auto& variant : plan.variants) {
    variants.push_back(variant_json(variant, now, columns));
    for (const ComparePlan::Run& run : variant.runs)
      if (&run == running) report["running"] = now.json(variant.name);
  }
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
