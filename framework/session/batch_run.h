#pragma once
// One batch of tasks, from prompts to outcomes.

#include <functional>
#include <span>
#include <vector>

#include "framework/session/answer_stream.h"
#include "framework/session/session_parts.h"

namespace flam {

/// Runs tasks together. A task whose pictures can't be loaded fails alone. If there is not enough memory for
/// the rest, its halves are run, with one warning. If it can't be run together for another reason, each task
/// that has no outcome yet is run alone, so that one bad task does not affect the others.
class BatchRun {
 public:
  BatchRun(const Session& session, std::span<const Task> tasks, const CallOptions& call);
  std::vector<Outcome> run();

 private:
  using Rows = std::vector<size_t>;  // indices of tasks

  bool is_open(size_t row) const { return outcomes_[row].answer.empty() && !outcomes_[row].error; }
  bool cancelled() const { return call_.cancelled && call_.cancelled(); }

  void try_rows(const Rows& rows);
  void run_together(const Rows& rows);
  /// Loads the media of the rows, and answers the rows whose pictures could be loaded. `results` is called
  /// with the prepared batch and the indices of its tasks. With a context, all rows begin with it.
  void answer(const Rows& rows, const PromptContext* context,
              const std::function<std::vector<Result>(const Prepared&, const Rows&)>& results);
  std::vector<Result> generate(const Prepared& prepared, const Rows& rows);
  std::vector<Result> score(const Prepared& prepared, const Rows& rows);
  void finish(size_t row, Result result, int64_t prompt_tokens);

  const SessionParts& parts_;
  const TaskHead* head_;
  const std::span<const Task> tasks_;
  const CallOptions& call_;
  std::vector<Outcome> outcomes_;
  std::vector<AnswerStream> streams_;  // one for each task; empty if nothing is streamed
  bool interrupted_ = false;
};

}  // namespace flam
