#pragma once
// How long whole answers take: from the picture in memory to the text, one record of the dataset at a time.

#include <functional>
#include <optional>
#include <vector>

#include "framework/session/session.h"

namespace flam {

struct BenchOptions {
  int64_t records = 20;
  int64_t warmup = 3;       // records that are answered first and not timed
  int64_t new_tokens = 20;  // every answer has exactly so many tokens
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

struct AnswerTimes {
  std::vector<double> milliseconds;  // of each record
  std::vector<StageTimes::Entry> stages;
};

/// Answers records of the config's dataset and times each. Returns nothing if it was cancelled. Error: the
/// config has no `dataset` or no `task_head`.
std::optional<AnswerTimes> time_answers(const Session& session, const BenchOptions& options);

/// The middle value, the mean of the two in the middle, or 0 for none.
double median(std::vector<double> values);

}  // namespace flam
