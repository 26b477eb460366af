#pragma once
// The command `flam infer`: answers requests, and writes the files that its options name.

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
  std::string receipt, record, explain, contact_sheet;             // files to write; "" for none
  std::string output;                                              // see AnswerFile
  bool overwrite = false;                                          // its records instead of continuing them
  std::string save_context, load_context;                          // files of contexts, see PromptContext
};

/// Callbacks that report what happens during the run. Each of them may be empty.
struct InferHooks {
  /// Opens the session; Session::open is used if it is empty.
  std::function<std::shared_ptr<Session>(const std::string& config, const RunOptions& options)> open;
  /// Gets every outcome, except of requests whose answer is in the output file already.
  std::function<void(const Request& request, const Outcome& outcome, const GenerationParams& generation)>
      outcome;
  /// `total` is 0 until it is known. `kept` of the `done` requests were done before the run.
  std::function<void(int64_t done, int64_t total, int64_t kept)> progress;
  std::function<void(const std::string& summary)> left_out;  // what folders contain besides pictures
  std::function<bool()> cancelled;
};

struct InferReport {
  int64_t done = 0;     // requests with an outcome
  int64_t kept = 0;     // requests whose answer was in the output file already
  int64_t failed = 0;   // those of `done` that failed for any reason
  int64_t refused = 0;  // those of `failed` that were rejected before the model ran
  double seconds = 0;   // without opening the session
};

/// Answers every request. Each file is written completely or not at all; if the run ends early, the answers
/// so far are kept beside the output (see AnswerFile). Error: an option is invalid; this is found before the
/// model runs. RunError: a file can't be written.
FLAM_API InferReport infer(const InferOptions& options, const InferHooks& hooks);

}  // namespace flam
