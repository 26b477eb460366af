#include "framework/commands/bench/answer_times.h"

#include <chrono>

#include "framework/component/dataset.h"
#include "framework/model/checked.h"

namespace flam {

std::optional<AnswerTimes> time_answers(const Session& session, const AnswerTimesOptions& options) {
  const RunConfig& config = session.config();
  if (!config.dataset) throw Error("the config has no `dataset`, whose records are timed");
  if (!config.task_head) throw Error("the config has no `task_head`, which is needed to answer");
  const auto dataset =
      build_checked<Dataset>(session.registry(), config.dataset, Dataset::Input::of(session.task_head()));
  if (dataset->size() == 0) throw Error("the dataset is empty");
  StageTimes times;
  CallOptions call;
  call.generation = config.generation;
  call.generation->max_new_tokens = call.generation->min_new_tokens = options.new_tokens;
  call.cancelled = options.cancelled;
  AnswerTimes out;
  for (int64_t i = 0; i < options.warmup + options.records; ++i) {
    const Record record = dataset->at(i % dataset->size());
    call.times = i < options.warmup ? nullptr : &times;
    const auto start = std::chrono::steady_clock::now();
    session.answer(record.request, call);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (options.cancelled && options.cancelled()) return std::nullopt;
    if (i >= options.warmup) out.milliseconds.push_back(took.count());
    if (options.progress) options.progress(i + 1, options.warmup + options.records);
  }
  out.stages = times.entries();
  return out;
}

}  // namespace flam
