#pragma once
// A stream of requests, answered in batches.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/session/session.h"

namespace flam {

/// Gathers requests into batches and answers a batch when it is full. While one batch is answered, the
/// pictures of the next are loaded beside it. Requests and outcomes keep their order, those of requests that
/// can't be run among them.
class AnswerBatches {
 public:
  struct Options {
    int64_t batch_size = 1;
    /// Whether a full batch waits until the next one is full, too, so that pictures are loaded ahead. Not
    /// where somebody waits for each answer before the next request comes.
    bool look_ahead = true;
    CallOptions call;
  };
  using Sink = std::function<void(const Request& request, Outcome outcome)>;

  AnswerBatches(const Session& session, Options options, Sink sink)
      : session_(session), options_(std::move(options)), sink_(std::move(sink)) {}
  ~AnswerBatches();
  AnswerBatches(const AnswerBatches&) = delete;
  AnswerBatches& operator=(const AnswerBatches&) = delete;

  /// Answers what is full.
  void add(Request request, Task task);
  /// An outcome that is known already, such as the error of a line that is no request.
  void add(Request request, Outcome outcome);
  /// Answers the rest.
  void finish();
  /// How many requests were added.
  int64_t count() const { return count_; }

 private:
  struct Entry {
    Request request;
    std::optional<Task> task;  // none: the outcome is known
    Outcome outcome;
  };
  using Batch = std::vector<Entry>;

  void push(Entry entry);
  void answer(Batch batch);
  bool cancelled() const { return options_.call.cancelled && options_.call.cancelled(); }

  const Session& session_;
  const Options options_;
  const Sink sink_;
  Batch filling_, full_;
  int64_t tasks_ = 0;  // of `filling_`
  int64_t count_ = 0;
};

}  // namespace flam
