#pragma once
// The command `flam infer`: answers requests, and writes receipt, recording and explanation.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "framework/request/request_source.h"
#include "framework/session/session.h"

namespace flam {

struct InferOptions {
  std::string config;
  InputOptions inputs;
  RunOptions session;
  int64_t batch_size = 1;
  std::optional<int64_t> num_beams, max_new_tokens, n_best, seed;  // replace the config's values
  std::string receipt, record, explain;                            // files to write; "" for none
};

/// Callbacks that report what happens during the run. Each of them may be empty.
struct InferHooks {
  /// Opens the session; Session::open is used if it is empty.
  std::function<std::shared_ptr<Session>(const std::string& config, const RunOptions& options)> open;
  std::function<void(const Request& request, const Outcome& outcome, const GenerationParams& generation)>
      outcome;
  std::function<void(int64_t done, int64_t total)> progress;  // total is 0 until it is known
  std::function<void(const std::string& summary)> left_out;   // what folders contain besides pictures
  std::function<bool()> cancelled;
};

struct InferReport {
  int64_t done = 0;
  int64_t failed = 0;   // those of `done` that failed for any reason
  int64_t refused = 0;  // those of `failed` that were rejected before the model ran
};

/// Answers every request. Each of the files (receipt, recording, page) is written completely or not at all.
/// Error: an option is invalid; this is found before the model runs.
FLAM_API InferReport infer(const InferOptions& options, const InferHooks& hooks);

}  // namespace flam
