#pragma once
#include <functional>
#include <string>
#include <vector>

#include "framework/component/metric.h"
#include "framework/session/session.h"

namespace flam {

struct EvaluateOptions {
  std::optional<int64_t> seed, limit;  // replace the dataset's values
  int64_t batch_size = 50;
  bool blind = true;  // also answer without pictures, as a control
  /// Called for every answer that was given with the pictures, in the order of the records. It is not called
  /// for records that failed.
  std::function<void(const Record& record, const Prediction& prediction)> on_answer;
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

/// The result of one pass over the dataset. A record that can't be run counts as failed and not as a wrong
/// answer: the scores leave it out. This holds for the control, too.
struct EvaluatedPass {
  int64_t failed = 0;
  std::vector<std::string> failures;  // "ID: message" of the first ten that failed
  Metric::Scores scores;              // over the records that were answered; empty if no record was answered
};

struct Evaluation {
  std::string config;
  int64_t seed = 0;
  int64_t n = 0;  // number of records in the dataset
  EvaluatedPass answers;
  std::vector<std::pair<std::string, EvaluatedPass>> controls;  // "blind": without pictures
  std::vector<std::pair<std::string, Metric::Scores>> by_kind;  // scores of `answers` by kind of record
};

/// Answers every record of the config's dataset, and scores the answers with the config's metrics. Error: the
/// config has no dataset, no metrics or no task head, or the dataset is empty. RunError: a metric gives a
/// score that is not a finite number, which breaks the contract of Metric.
FLAM_API Evaluation evaluate(const Session& session, const EvaluateOptions& options);

}  // namespace flam
