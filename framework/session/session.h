#pragma once
// Load once, call often, from several threads: requests in, answers out.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/component/task_head.h"
#include "framework/component/transform.h"
#include "framework/device/stage_times.h"
#include "framework/model/model.h"
#include "framework/model/transform_chain.h"
#include "framework/recipe/run_config.h"
#include "framework/recipe/run_options.h"
#include "framework/request/picture_request.h"

namespace flam {

/// What one call may change or watch.
struct CallOptions {
  std::optional<GenerationParams> generation;  // instead of the config's
  /// Shows answers while they are generated: index of the request, the next piece of the answer's first
  /// field. A piece is never empty and never taken back; joined, those of a request are that field, unless
  /// the outcome has an error. Greedy search and sampling give pieces as they come (of several samples, those
  /// of the first); beam search and a choice among candidates give the whole answer at once. Called in the
  /// thread of the call.
  std::function<void(size_t request, const std::string& piece)> on_text;
  /// Asked now and then; true ends the call. Answers that were begun are cut short
  /// (FinishReason::cancelled), others fail as "interrupted"; nothing is tried again.
  std::function<bool()> cancelled;
  StageTimes* times = nullptr;
};

/// The answer to one request, or why there is none.
struct FLAM_API Outcome {
  std::optional<std::string> error;
  ErrorKind error_kind = ErrorKind::refused;  // where there is an error
  Answer answer;
  Result result;
  std::string prompt;
  int64_t prompt_tokens = 0;

  void fail(const Error& cause);
  /// Puts the request's id before the error, unless that is an interruption.
  void name_request(const Request& request);
};

struct SessionParts;

class FLAM_API Session {
 public:
  /// Opens a config by name or path: plugins, model, weights, tokenizer. Error: what is wrong, before
  /// anything runs.
  static std::shared_ptr<Session> open(const std::string& config, const RunOptions& options = {});
  ~Session();

  /// Answers a batch of requests together, in order. A request that can't be read has its outcome's `error`
  /// set; the others are answered all the same.
  std::vector<Outcome> answer(std::span<const Request> requests, const CallOptions& options = {}) const;
  /// One request; throws what would be its error.
  Outcome answer(const Request& request, const CallOptions& options = {}) const;

  /// The task of a request, for run(). The size of each of its pictures has been read. Error: the task head
  /// refuses the request, a picture's header can't be read, or the pictures are too large together.
  Task task(const Request& request) const;
  /// The same as answer() for tasks. An outcome that failed has its `error` set.
  std::vector<Outcome> run(std::span<const Task> tasks, const CallOptions& options = {}) const;

  const RunConfig& config() const;
  const Model& model() const;
  const TransformChain& transforms() const;
  const TaskHead& task_head() const;  // Error: the config has none
  const Registry& registry() const;
  const RunOptions& options() const;
  const SessionParts& parts() const;  // session_parts.h

 private:
  Session();
  std::unique_ptr<SessionParts> parts_;
};

/// One picture, one answer: opens the config, answers, closes. For more than one picture keep a Session.
FLAM_API Answer inference_model(const std::string& config, const std::string& picture,
                                const std::string& question = "");

}  // namespace flam
