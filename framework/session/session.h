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
struct Outcome {
  std::optional<std::string> error;
  int exit_status = 0;  // of the error: 2 the request was rejected, 1 it failed while running
  Answer answer;
  Result result;
  std::string prompt;
  int64_t prompt_tokens = 0;

  void fail(const std::string& message, const Error& cause) {
    error = message;
    exit_status = cause.exit_status();
  }
};

/// Token rows and media of a batch of prompts, ready for the model.
struct Prepared {
  Batch batch;
  std::vector<std::string> keys;           // of the N distinct pictures; "": the picture of zeros
  at::Tensor features;                     // [N,P,D] of them
  at::Tensor pixels;                       // [N,3,H,W] float32 of them, if they were asked for
  at::Tensor index;                        // [B,T,F] int64 into them; undefined without media
  at::Tensor frames;                       // [B,T] int64: how many of the F are really there
  std::vector<std::vector<int64_t>> rows;  // ids of each row, without padding
};

class AnswerStream;

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

  /// The same for tasks that a head has made. An outcome that failed has its `error` set.
  std::vector<Outcome> run(std::span<const Task> tasks, const CallOptions& options = {}) const;

  /// The parts of run(), for verify and explain. prepare() runs the backbone over every picture of the
  /// prompts and encodes their text; row i has prompts[i].
  Prepared prepare(std::span<const Prompt> prompts, StageTimes* times = nullptr,
                   bool with_pixels = false) const;
  /// Runs the resampler and fills prepared.batch.media.
  void encode_media(Prepared& prepared, StageTimes* times = nullptr, Probe* probe = nullptr) const;
  /// Hypotheses with their texts. `on_token` as in GenerateInput; options.on_text is not called.
  std::vector<Result> generate(const Prepared& prepared, const GenerationParams& params,
                               const CallOptions& options = {},
                               const std::function<void(int64_t row, int64_t id)>& on_token = {}) const;
  /// Model::start, with what the session was opened for.
  std::unique_ptr<StepModel> start(const Prepared& prepared, int64_t beams, int64_t max_new_tokens) const;
  /// How likely the candidates of each task are; row i of `prepared` is the prompt of tasks[i]. A candidate's
  /// ids follow the prompt's, as in open-flamingo 2.0.1 (eval/eval_model.py, get_rank_classifications).
  /// Error: a candidate without tokens, or with too many for the context.
  std::vector<Result> score(const Prepared& prepared, std::span<const Score> tasks,
                            const CallOptions& options = {}) const;

  const RunConfig& config() const;
  const Model& model() const;
  const TransformChain& transforms() const;
  const TaskHead& task_head() const;  // Error: the config has none
  const Registry& registry() const;
  const RunOptions& options() const;

 private:
  Session();
  /// tasks[i] → outcomes[i] for every i of `rows`, in one batch of each sort of task. `streams`: one for each
  /// task, or none.
  void run_together(std::span<const Task> tasks, std::span<const size_t> rows, std::span<Outcome> outcomes,
                    const CallOptions& options, std::span<AnswerStream> streams) const;
  struct State;
  std::unique_ptr<State> state_;
};

/// One picture, one answer: opens the config, answers, closes. For more than one picture keep a Session.
FLAM_API Answer inference_model(const std::string& config, const std::string& picture,
                                const std::string& question = "");

}  // namespace flam
