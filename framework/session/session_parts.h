#pragma once
// The parts of a session, and the steps of an answer, for commands that need them one by one (verify,
// explain). Other code uses session.h.

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "framework/session/media_encoder.h"
#include "framework/session/session.h"
#include "framework/session/step_pool.h"

namespace flam {

/// The hash of all values of the backbone's weights, as they are in a run.
FLAM_API std::string hash_of_backbone(const WeightStore& weights);

struct FLAM_API SessionParts {
  std::unique_ptr<Registry> registry;
  RunOptions options;
  RunConfig config;
  std::unique_ptr<TransformChain> transforms;
  std::unique_ptr<Model> model;
  std::unique_ptr<TaskHead> task_head;  // null if the config has none
  std::unique_ptr<StepPool> graphs;     // null unless requested
  std::unique_ptr<MediaEncoder> media;
  std::vector<std::pair<std::string, std::string>> weight_hashes;  // path and SHA-256, if they were asked for

  /// Runs the backbone on every picture of the prompts, and encodes their text; row i is prompts[i]. Error: a
  /// picture can't be read, or the number of media markers differs from the number of media.
  Prepared prepare(std::span<const Prompt> prompts, StageTimes* times = nullptr,
                   bool with_pixels = false) const;
  /// Runs the resampler and fills prepared.batch.media.
  void encode_media(Prepared& prepared, StageTimes* times = nullptr, Probe* probe = nullptr) const;
  /// Calls Model::start with the options that the session was opened with.
  std::unique_ptr<StepModel> start(const Prepared& prepared, int64_t beams, int64_t max_new_tokens) const;
  /// Generates hypotheses with their texts. `on_token` is as in GenerateInput; call.on_text is not called.
  std::vector<Result> generate(const Prepared& prepared, const GenerationParams& params,
                               const CallOptions& call = {},
                               const std::function<void(int64_t row, int64_t id)>& on_token = {}) const;
  /// Computes the probability of each task's candidates; row i of `prepared` is the prompt of tasks[i]. A
  /// candidate's ids follow the prompt's, as in open-flamingo 2.0.1 (eval/eval_model.py,
  /// get_rank_classifications). Error: a candidate has no tokens, or too many for the context.
  std::vector<Result> score(const Prepared& prepared, std::span<const Score> tasks,
                            const CallOptions& call = {}) const;

  /// What the features of a picture depend on besides the picture, within this session; see FeatureKeys.
  std::string feature_setting() const;
  /// Whether this session has not given the warning yet; from then on it has.
  bool is_new_warning(const std::string& text) const;

 private:
  mutable std::mutex warnings_mutex_;
  mutable std::set<std::string> warnings_;
};

}  // namespace flam
