#pragma once
// Measures how long whole answers take, from the picture in memory to the text, for one record of the dataset
// at a time.

#include <functional>
#include <optional>
#include <vector>

#include "framework/session/session.h"

namespace flam {

struct AnswerTimesOptions {
  int64_t records = 20;
  int64_t warmup = 3;       // records that are answered first and not timed
  int64_t new_tokens = 20;  // every answer has exactly this many tokens
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

struct AnswerTimes {
  std::vector<double> milliseconds;  // one for each record
  std::vector<StageTimes::Entry> stages;
};

/// Answers records of the config's dataset, and times each of them. Returns nullopt if it was cancelled.
/// Error: the config has no `dataset` or no `task_head`, or the dataset is empty.
std::optional<AnswerTimes> time_answers(const Session& session, const AnswerTimesOptions& options);

}  // namespace flam
