#pragma once
// What several subcommands share: options, signals.

#include <CLI/CLI.hpp>
#include <optional>

#include "framework/session/session.h"

namespace flam::cli {

/// Ctrl-C and SIGTERM ask the run to end; a second one ends it at once, and so does the first as long as
/// nobody has asked for interrupted(), as while a model is being loaded. Outputs under way leave nothing
/// behind.
void watch_signals();
/// Gives a closed standard stream a place of its own, so that no output file gets its number: nothing to
/// read, nowhere to write. A file that grows beyond the system's limit is an error, not a signal.
void prepare_process();
bool interrupted();
int interrupted_status();  // 130 or 143

CLI::Validator not_empty();

/// Session::open with a progress bar.
std::shared_ptr<Session> open_session(const std::string& config, RunOptions options);

/// --plugin-path
void add_plugin_path(CLI::App& command, std::vector<std::filesystem::path>& plugin_path);
/// --device
void add_device(CLI::App& command, RunOptions& options);
/// --set, --plugin-path, --weights, --device, --dtype, --cuda-graph, --threads, --weights-seed
void add_session_options(CLI::App& command, RunOptions& options);
/// --seed
void add_seed(CLI::App& command, std::optional<int64_t>& seed, const char* of_what);

}  // namespace flam::cli
