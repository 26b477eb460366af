#pragma once
#include <functional>
#include <string>
#include <vector>

#include "framework/component/metric.h"
#include "framework/session/session.h"

namespace flam {

struct EvaluateOptions {
  std::optional<int64_t> seed, limit;  // instead of the dataset's
  int64_t batch_size = 50;
  bool blind = true;  // also answer without the picture, as a control
  /// Every answer given with the picture, in the order of the records; of records that failed there is none.
  std::function<void(const Record& record, const std::string& answer)> on_answer;
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

/// What became of the records of one pass over the dataset. A record that can't be run is an error and not an
/// answer: it is left out of the scores and counted here, with the picture and without it alike.
struct EvaluatedPass {
  int64_t failed = 0;
  std::vector<std::string> failures;  // "ID: message" of the first ten that failed
  Metric::Scores scores;              // over the records that were answered; empty if there are none
};

struct Evaluation {
  std::string config;
  int64_t seed = 0;
  int64_t n = 0;  // records of the dataset
  EvaluatedPass answers;
  std::vector<std::pair<std::string, EvaluatedPass>> controls;  // "blind": the picture left out
  std::vector<std::pair<std::string, Metric::Scores>> by_kind;  // scores of `answers` by kind of record
};

/// Answers every record of the config's dataset and scores it with the config's metrics. RunError: a metric
/// gives a score that is no finite number (Metric's contract).
FLAM_API Evaluation evaluate(const Session& session, const EvaluateOptions& options);

}  // namespace flam
