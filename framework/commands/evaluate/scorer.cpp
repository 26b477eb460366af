#include "framework/commands/evaluate/scorer.h"

#include <set>

#include "framework/base/text.h"

namespace flam {

Scorer::Scorer(const Metrics& metrics) {
  std::set<std::string> seen;
  for (const auto& metric : metrics) {
    Part& part = parts_.emplace_back();
    part.accumulator = metric->start();
    for (const auto& [name, value] : part.accumulator->scores()) {
      std::string other = name;
      for (int number = 2; !seen.insert(other).second; ++number) other = cat(name, "_", number);
      part.names.emplace(name, other);
    }
  }
}

void Scorer::Part::rename(std::string& name) const {
  if (const auto found = names.find(name); found != names.end()) name = found->second;
}

void Scorer::add(const Record& record, const Prediction& prediction) {
  for (const Part& part : parts_) part.accumulator->add(record, prediction);
  ++count_;
}

Metric::Scores Scorer::scores() const {
  Metric::Scores out;
  if (count_ == 0) return out;
  for (const Part& part : parts_) {
    for (auto& score : part.accumulator->scores()) {
      part.rename(score.first);
      out.push_back(std::move(score));
    }
  }
  return out;
}

std::optional<double> Scorer::score_of(int64_t record) const {
  if (parts_.empty()) return std::nullopt;
  const Metric::Scores scores = parts_.front().accumulator->scores_of({record});
  if (scores.empty()) return std::nullopt;
  return scores.front().second;
}

std::vector<ScoreInterval> Scorer::intervals(int64_t resamples) const {
  std::vector<ScoreInterval> out;
  if (resamples == 0) return out;
  for (const Part& part : parts_) {
    for (auto& interval : bootstrap(*part.accumulator, count_, 0, resamples)) {
      part.rename(interval.name);
      out.push_back(std::move(interval));
    }
  }
  return out;
}

std::vector<PairedTest> Scorer::test_against(const Scorer& other, int64_t resamples) const {
  std::vector<PairedTest> out;
  if (resamples == 0) return out;
  for (size_t i = 0; i < parts_.size(); ++i) {
    const auto& ours = *parts_[i].accumulator;
    for (auto& test : paired_bootstrap(ours, *other.parts_[i].accumulator, count_, 0, resamples)) {
      parts_[i].rename(test.name);
      out.push_back(std::move(test));
    }
  }
  return out;
}

void PassScorer::add(const StoredPrediction& prediction) {
  constexpr size_t kShown = 10;
  const Record& record = prediction.record;
  if (prediction.error) {
    ++failed_;
    if (failures_.size() < kShown)
      failures_.push_back(printable(record.request.id, 4096) + ": " + *prediction.error);
    return;
  }
  all_.add(record, prediction.prediction);
  if (!record.kind.empty())
    kinds_.try_emplace(record.kind, metrics_).first->second.add(record, prediction.prediction);
}

EvaluatedPass PassScorer::result(int64_t resamples) const {
  EvaluatedPass out;
  out.answered = all_.count();
  out.failed = failed_;
  out.failures = failures_;
  out.scores = all_.scores();
  out.intervals = all_.intervals(resamples);
  return out;
}

std::vector<std::pair<std::string, EvaluatedPass>> PassScorer::by_kind(int64_t resamples) const {
  std::vector<std::pair<std::string, EvaluatedPass>> out;
  for (const auto& [kind, scorer] : kinds_) {
    EvaluatedPass& pass = out.emplace_back(kind, EvaluatedPass()).second;
    pass.answered = scorer.count();
    pass.scores = scorer.scores();
    pass.intervals = scorer.intervals(resamples);
  }
  return out;
}

std::vector<PairedTest> PassScorer::test_against(const PassScorer& control, int64_t resamples) const {
  if (failed_ > 0 || control.failed_ > 0 || all_.count() != control.all_.count()) return {};
  return all_.test_against(control.all_, resamples);
}

}  // namespace flam
