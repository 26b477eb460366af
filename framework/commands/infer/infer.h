#pragma once
// What `flam infer` does: requests in, answers out, and the files that tell how they came about.

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
  std::optional<int64_t> num_beams, max_new_tokens, n_best, seed;  // instead of the config's
  std::string receipt, record, explain;                            // files to write; "": none
};

/// What somebody who watches the run is told.
struct InferHooks {
  /// Opens the session; Session::open unless given.
  std::function<std::shared_ptr<Session>(const std::string& config, const RunOptions& options)> open;
  std::function<void(const Request& request, const Outcome& outcome, const GenerationParams& generation)>
      outcome;
  std::function<void(int64_t done, int64_t total)> progress;  // total: 0 as long as it is not known
  std::function<void(const std::string& summary)> left_out;   // what folders hold besides pictures
  std::function<bool()> cancelled;
};

struct InferReport {
  int64_t done = 0;
  int64_t failed = 0;   // of them, for whatever reason
  int64_t refused = 0;  // of them, before anything was run
};

/// Answers every request. Receipt, recording and page are complete or absent. Error: what is wrong with the
/// options, before anything runs.
FLAM_API InferReport infer(const InferOptions& options, const InferHooks& hooks);

}  // namespace flam
