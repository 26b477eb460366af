#include "framework/commands/evaluate/rescore.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "framework/base/text.h"
#include "framework/commands/evaluate/results_folder.h"
#include "framework/commands/evaluate/scorer.h"
#include "framework/commands/evaluate/stored_metrics.h"
#include "framework/report/json.h"
#include "framework/session/record_key.h"

namespace flam {

namespace {

using Json = nlohmann::ordered_json;

/// The same for the same record in another run.
std::string record_name(const StoredPrediction& prediction) {
  const Record& record = prediction.record;
  return json_line({record.request.id, question_of(record.request), record.references});
}

/// The predictions of a run by record; records may occur several times.
using ByRecord = std::map<std::string, std::vector<StoredPrediction>>;

ByRecord by_record(const StoredResults& results) {
  ByRecord out;
  results.each(results::kAnswers, [&](StoredPrediction prediction) {
    prediction.prompt.clear();
    out[short_hash(record_name(prediction))].push_back(std::move(prediction));
  });
  return out;
}

}  // namespace

Evaluation rescore(const std::string& folder, const RescoreOptions& options) {
  const StoredResults results(folder);
  const StoredMetrics stored(results, options);
  const Json scores = results.scores();
  Evaluation out;
  out.config = scores.value("config", "");
  out.seed = scores.value("seed", int64_t{0});
  out.n = scores.value("n", int64_t{0});
  out.skipped = scores.value("skipped", int64_t{0});
  out.shots = scores.value("shots", int64_t{0});
  out.unscored = stored.unscored();
  const auto score = [&](const std::string& pass) {
    PassScorer scorer(stored.metrics());
    results.each(pass, [&](const StoredPrediction& prediction) { scorer.add(prediction); });
    return scorer;
  };
  int64_t stored_records = 0;
  PassScorer answers(stored.metrics());
  results.each(results::kAnswers, [&](const StoredPrediction& prediction) {
    answers.add(prediction);
    ++stored_records;
  });
  if (stored_records != out.n) {
    throw Error(cat(quoted(folder), " has ", counted(stored_records, "prediction"), ", but its run had ",
                    counted(out.n, "record"), ", so the file was changed since; run `flam evaluate` again"));
  }
  out.answers = answers.result(options.resamples);
  out.by_kind = answers.by_kind(options.resamples);
  for (const char* control : results::kControls) {
    // A control that the last run of the command left out is not one of its results.
    if (!scores.contains("controls") || !scores["controls"].contains(control)) continue;
    const PassScorer scorer = score(control);
    EvaluatedPass pass = scorer.result(options.resamples);
    pass.tests = answers.test_against(scorer, options.resamples);
    out.controls.emplace_back(control, std::move(pass));
  }
  return out;
}

RunComparison compare_runs(const std::string& a, const std::string& b, const RescoreOptions& options) {
  const StoredResults first(a), second(b);
  const StoredMetrics stored(first, options);
  if (stored.metrics().empty())
    throw Error(cat(quoted(a), " has no scores to compare: ",
                    stored.unscored().empty() ? "its config names no `metrics`; name some with --set"
                                              : join(stored.unscored(), "; ")));
  ByRecord others = by_record(second);
  RunComparison out;
  Scorer scorer(stored.metrics()), other_scorer(stored.metrics());
  int64_t only_first = 0, only_second = 0;
  std::string missing;
  std::map<std::string, size_t> seen;
  first.each(results::kAnswers, [&](const StoredPrediction& prediction) {
    const std::string name = short_hash(record_name(prediction));
    const auto found = others.find(name);
    const size_t occurrence = seen[name]++;
    if (found == others.end() || occurrence >= found->second.size()) {
      if (only_first++ == 0) missing = prediction.record.request.id;
      return;
    }
    const StoredPrediction& other = found->second[occurrence];
    if (prediction.error || other.error) {
      ++out.failed;
      return;
    }
    scorer.add(prediction.record, prediction.prediction);
    other_scorer.add(prediction.record, other.prediction);
    ++out.records;
  });
  for (const auto& [name, predictions] : others) {
    const auto found = seen.find(name);
    const size_t paired = found == seen.end() ? 0 : std::min(found->second, predictions.size());
    if (paired < predictions.size() && only_second == 0 && missing.empty())
      missing = predictions[paired].record.request.id;
    only_second += static_cast<int64_t>(predictions.size() - paired);
  }
  if (only_first + only_second > 0) {
    throw Error(cat("the runs are not over the same records: ", counted(only_first, "record"), " only in ",
                    quoted(a), " and ", only_second, " only in ", quoted(b), ", ", out.records + out.failed,
                    " in both; the first that one lacks is ", quoted(missing)));
  }
  if (out.records == 0) throw Error("no record was answered by both runs");
  out.tests = scorer.test_against(other_scorer, options.resamples);
  if (out.tests.empty())
    throw Error("none of the metrics can score selections of the records, so there is nothing to test");
  return out;
}

}  // namespace flam
