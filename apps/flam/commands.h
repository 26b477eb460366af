#pragma once
// One function for each subcommand: adds it to the parser; its callback returns through `status`.

#include <CLI/CLI.hpp>

namespace flam::cli {

void add_infer(CLI::App& app, int& status);
void add_chat(CLI::App& app, int& status);
void add_import(CLI::App& app, int& status);
void add_list(CLI::App& app, int& status);
void add_inspect(CLI::App& app, int& status);
void add_config(CLI::App& app, int& status);
void add_convert(CLI::App& app, int& status);
void add_quantize_command(CLI::App& app, int& status);
void add_describe(CLI::App& app, int& status);
void add_diff(CLI::App& app, int& status);
void add_verify(CLI::App& app, int& status);
void add_train(CLI::App& app, int& status);
void add_evaluate(CLI::App& app, int& status);
void add_score(CLI::App& app, int& status);
void add_report(CLI::App& app, int& status);
void add_features(CLI::App& app, int& status);
void add_bench(CLI::App& app, int& status);
void add_compare(CLI::App& app, int& status);
void add_schema(CLI::App& app, int& status);
void add_completion(CLI::App& app, int& status);
void add_doctor(CLI::App& app, int& status);
void add_new_plugin(CLI::App& app, int& status);
void add_check_plugin(CLI::App& app, int& status);

}  // namespace flam::cli
