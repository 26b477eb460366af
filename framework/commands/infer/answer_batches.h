#pragma once
// Answers a stream of requests in batches.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/session/session.h"

namespace flam {

/// Gathers requests into batches, and answers a batch when it is full. While one batch is answered, the
/// pictures of the next one are loaded. Outcomes are in the order of the requests, including the outcomes of
/// requests that can't be run.
class AnswerBatches {
 public:
  struct Options {
    int64_t batch_size = 1;
    /// Whether a full batch waits until the next one is also full, so that pictures are loaded ahead. Set it
    /// to false if the sender waits for each answer before it sends the next request.
    bool look_ahead = true;
    CallOptions call;
  };
  using Sink = std::function<void(const Request& request, Outcome outcome)>;

  AnswerBatches(const Session& session, Options options, Sink sink)
      : session_(session), options_(std::move(options)), sink_(std::move(sink)) {}
  ~AnswerBatches();
  AnswerBatches(const AnswerBatches&) = delete;
  AnswerBatches& operator=(const AnswerBatches&) = delete;

  /// Adds a request, and answers batches that are full. `dropped_shots` is put into its outcome.
  void add(Request request, Task task, int64_t dropped_shots = 0);
  /// Adds a request whose outcome is already known, such as a line that is not a valid request.
  void add(Request request, Outcome outcome);
  /// Requests that begin with the shots of this context are answered from it, from the next batch on.
  void use(std::shared_ptr<const PromptContext> context) { options_.call.context = std::move(context); }
  /// Answers the remaining requests.
  void finish();
  /// The number of requests that were added.
  int64_t count() const { return count_; }

 private:
  struct Entry {
    Request request;
    std::optional<Task> task;  // nullopt if the outcome is already known
    Outcome outcome;
  };
  using Batch = std::vector<Entry>;

  void push(Entry entry);
  void answer(Batch batch);
  bool cancelled() const { return options_.call.cancelled && options_.call.cancelled(); }

  const Session& session_;
  Options options_;
  const Sink sink_;
  Batch filling_, full_;
  int64_t tasks_ = 0;  // number of tasks in `filling_`
  int64_t count_ = 0;
};

}  // namespace flam
