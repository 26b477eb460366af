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
  /// Every answer given with the picture, in the order of the records.
  std::function<void(const Record& record, const std::string& answer)> on_answer;
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

struct Evaluation {
  std::string config;
  int64_t seed = 0;
  int64_t n = 0;
  int64_t failed = 0;                 // records that couldn't be run; they count as answered wrongly
  std::vector<std::string> failures;  // what was wrong with the first few
  Metric::Scores scores;
  std::vector<std::pair<std::string, Metric::Scores>> controls;  // "blind": the picture left out
  std::vector<std::pair<std::string, Metric::Scores>> by_kind;   // scores by kind of record
};

/// Answers every record of the config's dataset and scores it with the config's metrics.
FLAM_API Evaluation evaluate(const Session& session, const EvaluateOptions& options);

}  // namespace flam
