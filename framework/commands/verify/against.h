#pragma once
// How far a run is from the same model in another dtype and without quantisation.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/session/session.h"

namespace flam {

struct AgainstOptions {
  std::string requests;  // file of requests, one JSON object a line; "": the records of the config's dataset
  std::optional<int64_t> limit;  // most requests or records; not set: all
  int64_t batch_size = 16;
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<bool()> cancelled;
};

struct FLAM_API AgainstReport {
  int64_t requests = 0, tokens = 0;    // compared
  int64_t equal_answers = 0;           // requests to which both runs give the same text
  int64_t equal_tokens = 0;            // positions at which both runs find the same token most probable
  double mean_kl = 0, largest_kl = 0;  // of the distributions of the next token, in nats
  std::vector<std::string> failures;   // requests that one of the runs could not answer, and why

  double answer_agreement() const;  // from 0 to 1
  double top1_agreement() const;
};

/// Answers every request with both runs. At each position of the reference's answer (greedy, or with the
/// beams of the config; never sampled), both give a distribution of the next token, P the reference and Q the
/// run, and KL(P‖Q) = Σ P log(P/Q). A task that ranks candidates has one position, after the prompt. Error:
/// the requests can't be read, or there are none. Interrupted: `cancelled` returned true.
FLAM_API AgainstReport verify_against(const Session& run, const Session& reference,
                                      const AgainstOptions& options);

/// Error: the session's weights are quantised, so that it can't be the reference.
FLAM_API void require_numbers(const Session& reference);

}  // namespace flam
