#pragma once
// A session loads a model once and answers requests, also from several threads at once.

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
#include "framework/session/placed_media.h"
#include "framework/session/prompt_context.h"

namespace flam {

/// Settings and callbacks of one call.
struct CallOptions {
  std::optional<GenerationParams> generation;  // replaces the config's
  /// Streams answers while they are generated. It gets the index of the request and the next piece of the
  /// answer's first field. A piece is never empty and never revoked; the pieces of a request, joined, equal
  /// that field, unless the outcome has an error. Greedy search and sampling give pieces as they are
  /// generated (the first sample, if there are several); beam search and a choice among candidates give the
  /// whole answer at once. It is called in the thread of the call.
  std::function<void(size_t request, const std::string& piece)> on_text;
  /// Polled during the call; the call ends when it returns true. Answers that were started are cut short
  /// (FinishReason::cancelled), the others fail as "interrupted", and nothing is retried.
  std::function<bool()> cancelled;
  StageTimes* times = nullptr;
  /// Of this session. Prompts that begin with its shots are answered from it, the others as without it.
  std::shared_ptr<const PromptContext> context;
};

/// The answer to one request, or why there is none.
struct FLAM_API Outcome {
  std::optional<std::string> error;
  ErrorKind error_kind = ErrorKind::refused;  // only meaningful if `error` is set
  Answer answer;
  Result result;
  std::string prompt;  // with the media markers of every crop; as the task head made it if it was not run
  int64_t prompt_tokens = 0;
  std::vector<PlacedMedia> media;  // the pictures and videos of the prompt, in order
  int64_t dropped_shots = 0;       // left out because the prompt was too long; see Session::drop_shots()

  void fail(const Error& cause);
  /// How sure the model is of the answer, from 0 to 1. For a generated answer, the probability of the least
  /// probable token of the chosen hypothesis, including its end token, before temperature and other warping.
  /// For a choice among candidates, the probability of the chosen one. nullopt if there is no answer, or one
  /// without tokens.
  std::optional<double> confidence() const;
  /// Prefixes the error with the request's id, unless the error is an interruption.
  void name_request(const Request& request);
};

struct SessionParts;

class FLAM_API Session {
 public:
  /// Opens a config by name or path, and loads plugins, model, weights and tokenizer. Error: the config, a
  /// file or an option is invalid.
  static std::shared_ptr<Session> open(const std::string& config, const RunOptions& options = {});
  ~Session();

  /// Answers a batch of requests; outcomes are in the order of the requests. If a request can't be answered,
  /// its outcome has `error` set, and the others are answered.
  std::vector<Outcome> answer(std::span<const Request> requests, const CallOptions& options = {}) const;
  /// Answers one request. Throws an Error or RunError instead of setting the outcome's `error`.
  Outcome answer(const Request& request, const CallOptions& options = {}) const;

  /// Encodes shots and runs their part of the prompt, once for all requests that begin with them
  /// (PromptContext::request() makes such requests). Their answers are the same as without a context. Error:
  /// the task head rejects the shots, a picture can't be read, or the shots don't fit the decoder's context.
  std::shared_ptr<const PromptContext> context(const Request& shots) const;
  /// Reads a context that PromptContext::save() wrote. The pictures of its shots need not be there any more.
  /// Error: the file is damaged, or was made with another model, dtype or prompt.
  std::shared_ptr<const PromptContext> load_context(const std::filesystem::path& file) const;

  /// Turns a request into a task for run(), and reads the sizes of its pictures, except of those that the
  /// context has. Error: the task head rejects the request, a picture's header can't be read, or the pictures
  /// have too many pixels in total.
  Task task(const Request& request, const PromptContext* context = nullptr) const;
  /// Leaves out the oldest shots of a request, parts up to a picture that follows a text, until its prompt
  /// fits the decoder's context, if generation.when_too_long says so. The query stays as it is. Returns the
  /// number of shots that were left out, and warns about them. Error: as in task().
  int64_t drop_shots(Request& request, const CallOptions& options = {}) const;
  /// Like answer(), for tasks. If a task fails, its outcome has `error` set.
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

/// Opens the config, answers one question about one picture, and closes. For more than one picture, keep a
/// Session.
FLAM_API Answer inference_model(const std::string& config, const std::string& picture,
                                const std::string& question = "");

}  // namespace flam
