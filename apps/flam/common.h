#pragma once
// Shared by several subcommands: options and signals.

#include <CLI/CLI.hpp>
#include <optional>

#include "framework/session/session.h"

namespace flam::cli {

/// Ctrl-C and SIGTERM ask the run to end. A second signal ends it at once, and so does the first if nothing
/// has called interrupted() yet, for example while a model is being loaded. Unfinished outputs leave nothing
/// behind.
void watch_signals();
/// Opens closed standard streams on /dev/null, so that no output file gets their descriptors. Also makes
/// exceeding the system's file size limit an error instead of a signal.
void prepare_process();
bool interrupted();
int interrupted_status();  // 130 or 143
/// Goes on after Ctrl-C. Returns false if the signal was another one, which ends the run.
bool forget_ctrl_c();

CLI::Validator not_empty();

/// Session::open with a progress bar.
std::shared_ptr<Session> open_session(const std::string& config, RunOptions options);

/// --set
void add_set(CLI::App& command, std::vector<std::string>& overrides,
             const char* description = "set a value of the config (repeatable)");
/// --weights
void add_weights(CLI::App& command, RunOptions& options);
/// --quantize
CLI::Option* add_quantize(CLI::App& command, std::string& type);
/// --plugin-path
void add_plugin_path(CLI::App& command, std::vector<std::filesystem::path>& plugin_path);
/// --device
void add_device(CLI::App& command, RunOptions& options);
/// --set, --plugin-path, --weights, --device, --dtype, --quantize, --cuda-graph, --threads, --weights-seed
void add_session_options(CLI::App& command, RunOptions& options);
/// --batch-size
void add_batch_size(CLI::App& command, int64_t& batch_size, const char* of_what);
/// --num-beams; `count` is an int64_t or an optional one
template <class Count>
CLI::Option* add_num_beams(CLI::App& command, Count& count, const char* description) {
  return command.add_option("--num-beams", count, description)->check(CLI::Range(1, 64));
}
/// --prompt-tokens
void add_prompt_tokens(CLI::App& command, int64_t& prompt_tokens, const char* description);
/// --resamples
void add_resamples(CLI::App& command, int64_t& resamples);
/// --threads
void add_threads(CLI::App& command, RunOptions& options);
/// --seed
void add_seed(CLI::App& command, std::optional<int64_t>& seed, const char* of_what);

}  // namespace flam::cli
