#include "framework/commands/evaluate/scorer.h"

#include <set>

#include "framework/base/text.h"

namespace flam {

Scorer::Scorer(const Metrics& metrics) {
  for (const auto& metric : metrics) accumulators_.push_back(metric->start());
}

void Scorer::add(const Record& record, const Prediction& prediction) {
  for (auto& accumulator : accumulators_) accumulator->add(record, prediction);
  ++count_;
}

std::vector<std::map<std::string, std::string>> Scorer::names() const {
  std::vector<std::map<std::string, std::string>> out;
  std::set<std::string> seen;
  for (const auto& accumulator : accumulators_) {
    auto& names = out.emplace_back();
    for (const auto& [name, value] : accumulator->scores()) {
      std::string other = name;
      for (int number = 2; !seen.insert(other).second; ++number) other = cat(name, "_", number);
      names.emplace(name, other);
    }
  }
  return out;
}

Metric::Scores Scorer::scores() const {
  Metric::Scores out;
  if (count_ == 0) return out;
  const auto names = this->names();
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    for (const auto& [name, value] : accumulators_[i]->scores()) out.emplace_back(names[i].at(name), value);
  }
  return out;
}

std::optional<double> Scorer::score_of(int64_t record) const {
  if (accumulators_.empty()) return std::nullopt;
  const Metric::Scores scores = accumulators_.front()->scores_of({record});
  if (scores.empty()) return std::nullopt;
  return scores.front().second;
}

std::vector<ScoreInterval> Scorer::intervals(int64_t resamples) const {
  std::vector<ScoreInterval> out;
  if (resamples == 0 || count_ == 0) return out;
  const auto names = this->names();
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    for (auto& interval : bootstrap(*accumulators_[i], count_, 0, resamples)) {
      interval.name = names[i].at(interval.name);
      out.push_back(std::move(interval));
    }
  }
  return out;
}

std::vector<PairedTest> Scorer::test_against(const Scorer& other, int64_t resamples) const {
  std::vector<PairedTest> out;
  if (resamples == 0 || count_ == 0) return out;
  const auto names = this->names();
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    const auto& theirs = *other.accumulators_[i];
    for (auto& test : paired_bootstrap(*accumulators_[i], theirs, count_, 0, resamples)) {
      test.name = names[i].at(test.name);
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
