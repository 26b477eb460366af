#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/commands/evaluate/evaluation.h"
#include "framework/commands/evaluate/predictions.h"

namespace flam {

using Metrics = std::vector<std::unique_ptr<Metric>>;

/// Collects the scores of all metrics over some records. A name that a metric before gives its score, too,
/// gets a number: "exact_2".
class Scorer {
 public:
  /// `metrics` must outlive the scorer.
  explicit Scorer(const Metrics& metrics);

  void add(const Record& record, const Prediction& prediction);
  int64_t count() const { return count_; }
  Metric::Scores scores() const;  // empty if there are no records
  /// The first score of one record alone; nullopt if the first metric can't score selections.
  std::optional<double> score_of(int64_t record) const;
  /// Of the metrics that have intervals; `resamples` may be 0, which gives none.
  std::vector<ScoreInterval> intervals(int64_t resamples) const;
  /// Tests whether another run over the same records, in the same order, has other scores.
  std::vector<PairedTest> test_against(const Scorer& other, int64_t resamples) const;

 private:
  /// Of each metric: its scores' names, and those that they have here.
  std::vector<std::map<std::string, std::string>> names() const;

  std::vector<std::unique_ptr<Metric::Accumulator>> accumulators_;
  int64_t count_ = 0;
};

/// Scores the predictions of one pass over the dataset.
class PassScorer {
 public:
  explicit PassScorer(const Metrics& metrics) : metrics_(metrics), all_(metrics) {}

  void add(const StoredPrediction& prediction);
  /// As in Scorer; `answer` counts the records that were answered.
  std::optional<double> score_of(int64_t answer) const { return all_.score_of(answer); }
  EvaluatedPass result(int64_t resamples) const;
  /// The scores by kind of record, sorted by kind.
  std::vector<std::pair<std::string, EvaluatedPass>> by_kind(int64_t resamples) const;
  /// Tests the answers against those of a control over the same records; nothing if other records failed.
  std::vector<PairedTest> test_against(const PassScorer& control, int64_t resamples) const;

 private:
  const Metrics& metrics_;
  Scorer all_;
  std::map<std::string, Scorer> kinds_;
  int64_t failed_ = 0;
  std::vector<std::string> failures_;
};

}  // namespace flam
