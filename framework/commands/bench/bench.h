#pragma once
// The command `flam bench`: how long each stage takes, beside the least time that the machine allows.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "framework/commands/bench/bench_result.h"

namespace flam {

struct BenchOptions {
  std::string config;
  RunOptions session;
  BenchShape shape;
  int64_t repeat = 5;   // rounds; each runs every stage once and the decode step new_tokens times
  std::string compare;  // file of an older result; "": none
  std::string trace;    // file to write; "": none
};

/// Callbacks, each of which may be empty.
struct BenchHooks {
  /// Opens the session; Session::open is used if it is empty.
  std::function<std::shared_ptr<Session>(const std::string& config, const RunOptions& options)> open;
  std::function<void(int64_t done, int64_t total)> progress;  // rounds
  std::function<bool()> cancelled;
};

struct BenchReport {
  BenchResult result;
  std::optional<BenchResult> old;  // of options.compare
};

/// Measures in rounds, each of which begins with the machine's own speed. A round that is not timed comes
/// first and counts the work; another one is recorded for the trace at the end. A stage in which the model
/// computes nothing is left out. Error: an option is invalid, which is found before the weights are read.
/// RunError: too little memory, or a file can't be written. Interrupted: `cancelled` returned true.
FLAM_API BenchReport bench(const BenchOptions& options, const BenchHooks& hooks = {});

}  // namespace flam
