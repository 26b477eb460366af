#include "framework/commands/evaluate/evaluation.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "framework/base/text.h"
#include "framework/report/figures.h"

namespace flam {

using Json = nlohmann::ordered_json;

namespace {

Json scores_json(const EvaluatedPass& pass) {
  Json out = Json::object();
  for (const auto& [name, value] : pass.scores) out[name] = value;
  return out;
}

Json intervals_json(const EvaluatedPass& pass) {
  Json out = Json::object();
  for (const ScoreInterval& interval : pass.intervals) out[interval.name] = {interval.low, interval.high};
  return out;
}

std::string range_text(double low, double high) {
  return cat(" [", significant(low, 3), ", ", significant(high, 3), "]");
}

std::string scores_text(const std::string& label, const EvaluatedPass& pass) {
  std::string out = cat("  ", label, std::string(label.size() < 24 ? 24 - label.size() : 1, ' '));
  if (pass.scores.empty()) out += pass.answered == 0 ? "  no record was answered" : "  no scores";
  for (const auto& [name, value] : pass.scores) {
    out += cat("  ", name, " ", value);
    for (const ScoreInterval& interval : pass.intervals)
      if (interval.name == name) out += range_text(interval.low, interval.high);
  }
  return out + "\n";
}

}  // namespace

Json tests_json(const std::vector<PairedTest>& tests) {
  Json out = Json::object();
  for (const PairedTest& test : tests) {
    out[test.name] = {{"a", test.a},
                      {"b", test.b},
                      {"difference", test.difference},
                      {"interval", {test.low, test.high}},
                      {"p_value", test.p_value}};
  }
  return out;
}

std::string tests_text(const std::vector<PairedTest>& tests) {
  std::string out;
  for (const PairedTest& test : tests) {
    out += cat("  ", test.name, std::string(test.name.size() < 24 ? 24 - test.name.size() : 1, ' '), "  ",
               significant(test.a, 4), " - ", significant(test.b, 4), " = ", significant(test.difference, 3),
               range_text(test.low, test.high), ", p ", significant(test.p_value, 2), "\n");
  }
  return out;
}

Json evaluation_json(const Evaluation& evaluation) {
  const EvaluatedPass& answers = evaluation.answers;
  Json out = {{"config", evaluation.config}, {"seed", evaluation.seed}, {"n", evaluation.n}};
  if (evaluation.skipped > 0) out["skipped"] = evaluation.skipped;
  if (evaluation.shots > 0) out["shots"] = evaluation.shots;
  if (!evaluation.unscored.empty()) out["unscored"] = evaluation.unscored;
  if (answers.failed > 0) out["failed"] = answers.failed;
  out["scores"] = scores_json(answers);
  if (!answers.intervals.empty()) out["intervals"] = intervals_json(answers);
  for (const auto& [name, pass] : evaluation.controls) {
    out["controls"][name] = scores_json(pass);
    if (pass.failed > 0) out["controls_failed"][name] = pass.failed;
    if (!pass.intervals.empty()) out["control_intervals"][name] = intervals_json(pass);
    if (!pass.tests.empty()) out["control_tests"][name] = tests_json(pass.tests);
  }
  for (const auto& [name, pass] : evaluation.by_kind) {
    out["by_kind"][name] = scores_json(pass);
    out["kind_counts"][name] = pass.answered;
    if (!pass.intervals.empty()) out["kind_intervals"][name] = intervals_json(pass);
  }
  return out;
}

std::string evaluation_text(const Evaluation& evaluation) {
  std::string out = cat(evaluation.config, ", seed ", evaluation.seed, ", ", evaluation.n, " records");
  if (evaluation.shots > 0) out += cat(", ", evaluation.shots, evaluation.shots == 1 ? " shot" : " shots");
  if (evaluation.skipped > 0) out += cat(", ", evaluation.skipped, " entries of the dataset were skipped");
  out += "\n" + scores_text("all", evaluation.answers);
  if (!evaluation.unscored.empty())
    out += cat("  the dataset has no answers to score with: ", join(evaluation.unscored, "; "), "\n");
  if (evaluation.answers.scores.empty() && evaluation.answers.answered > 0) return out;
  for (const auto& [name, pass] : evaluation.by_kind) out += scores_text(name, pass);
  for (const auto& [name, pass] : evaluation.controls) out += scores_text("control: " + name, pass);
  for (const auto& [name, pass] : evaluation.controls) {
    if (!pass.tests.empty()) out += cat("answers - ", name, ":\n", tests_text(pass.tests));
  }
  return out;
}

}  // namespace flam
