#include "framework/commands/evaluate/scorable.h"

#include "framework/base/text.h"

namespace flam {

namespace {

/// Equal for records that metrics accept or reject alike.
std::string form_of(const Record& record) {
  std::string out = cat(record.references.size());
  for (const std::string& candidate : record.request.candidates) out += cat('\n', candidate);
  if (record.facts.is_map())
    for (const auto& fact : record.facts.as_map()) out += cat('\0', fact.key);
  return out;
}

/// An answer as the task head would choose it.
Prediction made_up_answer(const Record& record, const TaskHead& head) {
  Prediction out;
  if (!record.references.empty()) out.text = record.references.front();
  const Task task = head.task(record.request);
  if (const auto* score = std::get_if<Score>(&task)) {
    for (const std::string& text : score->candidates)
      out.candidates.push_back({text, 0, 0, 1 / static_cast<double>(score->candidates.size())});
  }
  return out;
}

/// The error of a metric for a record.
std::optional<std::string> problem_of(const Metric& metric, const Record& record, const Prediction& answer) {
  try {
    metric.start()->add(record, answer);
  } catch (const RunError&) {
    throw;
  } catch (const Error& error) {
    return error.what();
  }
  return std::nullopt;
}

}  // namespace

void MetricTrial::add(const Record& record, const std::function<Prediction()>& answer) {
  any_references_ = any_references_ || !record.references.empty();
  const std::string form = form_of(record);
  if (forms_.contains(form)) return;
  Prediction prediction;
  try {
    prediction = answer();
  } catch (const Error&) {
    return;
  }
  forms_.insert(form);
  for (size_t i = 0; i < metrics_.size(); ++i)
    if (!problems_[i]) problems_[i] = problem_of(*metrics_[i], record, prediction);
}

std::vector<std::string> MetricTrial::take_out_unscorable() {
  std::vector<std::string> out;
  Metrics kept;
  for (size_t i = 0; i < metrics_.size(); ++i) {
    if (!problems_[i]) {
      kept.push_back(std::move(metrics_[i]));
    } else if (any_references_) {
      throw Error(*problems_[i]);
    } else {
      out.push_back(*problems_[i]);
    }
  }
  metrics_ = std::move(kept);
  return out;
}

std::vector<std::string> take_out_unscorable(Metrics& metrics, const Dataset& dataset, const TaskHead& head) {
  MetricTrial trial(metrics);
  if (metrics.empty()) return {};
  for (int64_t i = 0; i < dataset.size(); ++i) {
    try {
      const Record record = dataset.at(i);
      trial.add(record, [&] { return made_up_answer(record, head); });
    } catch (const RunError&) {
      throw;
    } catch (const Error&) {
      continue;  // the record fails by itself
    }
  }
  return trial.take_out_unscorable();
}

std::vector<std::string> take_out_unscorable(Metrics& metrics, const StoredResults& results) {
  MetricTrial trial(metrics);
  results.each(results::kAnswers, [&](const StoredPrediction& stored) {
    if (!stored.error) trial.add(stored.record, [&] { return stored.prediction; });
  });
  return trial.take_out_unscorable();
}

}  // namespace flam
