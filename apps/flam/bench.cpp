#include "framework/commands/bench/bench.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/progress.h"
#include "framework/base/text.h"
#include "framework/commands/bench/bench_compare.h"
#include "framework/commands/bench/few_shot.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

void print(const BenchReport& report, bool json) {
  if (json) {
    nlohmann::ordered_json line = bench_json(report.result);
    if (report.old) line["compare"] = changes_json(*report.old, report.result);
    std::cout << json_line(line) << "\n";
    return;
  }
  std::cout << bench_text(report.result);
  if (report.old) std::cout << "\n" << changes_text(*report.old, report.result);
}

}  // namespace

void run_few_shot(FewShotOptions options, const BenchOptions& bench, bool json) {
  options.config = bench.config;
  options.session = bench.session;
  options.num_beams = bench.shape.num_beams;
  options.new_tokens = bench.shape.new_tokens;
  Progress progress("bench", "queries");
  BenchHooks hooks;
  hooks.open = open_session;
  hooks.progress = [&](int64_t done, int64_t total) { progress.update(done, total); };
  hooks.cancelled = interrupted;
  const FewShotResult result = time_few_shot(options, hooks);
  progress.clear();
  std::cout << (json ? json_line(few_shot_json(options, result)) + "\n" : few_shot_text(options, result));
}

void add_bench(CLI::App& app, int& status) {
  struct Options {
    BenchOptions bench;
    FewShotOptions few_shot{.shots = 0};
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  BenchShape& shape = options->bench.shape;
  CLI::App* command = app.add_subcommand(
      "bench", "time each stage of a model, beside the least time that this machine allows");
  command->footer(
      "Example: flam bench flamingo_mid --weights random\n"
      "docs/performance.md says what the columns mean.");
  command->add_option("CONFIG", options->bench.config, "model name or config file")->required();
  add_prompt_tokens(
      *command, shape.prompt_tokens,
      "length of each prompt in tokens, one of which stands for each picture, or for each of its crops");
  command->add_option("--images", shape.images, "number of pictures in each prompt")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_option("--new-tokens", shape.new_tokens, "number of decode steps in a round")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  add_num_beams(*command, shape.num_beams, "number of beams of each prompt")->capture_default_str();
  add_batch_size(*command, shape.batch_size, "prompts computed together");
  command->add_option("--repeat", options->bench.repeat, "number of rounds")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command
      ->add_option("--compare", options->bench.compare,
                   "result of an earlier `flam bench --json`; says which stages changed by more than noise")
      ->type_name("OLD.json")
      ->check(not_empty());
  command
      ->add_option("--trace", options->bench.trace,
                   "file to write: the operators of one more round, for chrome://tracing or ui.perfetto.dev")
      ->type_name("FILE.json")
      ->check(not_empty());
  CLI::Option* shots =
      command
          ->add_option("--shots", options->few_shot.shots,
                       "instead of the stages, time queries after so many shots, kept as a context and not")
          ->check(CLI::Range(1, 1024));
  for (const char* of_stages :
       {"--prompt-tokens", "--images", "--batch-size", "--repeat", "--compare", "--trace"})
    shots->excludes(command->get_option(of_stages));
  command->add_option("--queries", options->few_shot.queries, "number of queries with --shots")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str()
      ->needs(shots);
  command->add_flag("--json", options->json, "print one line of JSON");
  add_session_options(*command, options->bench.session);
  command->callback([options, &status] {
    status = 0;
    if (options->few_shot.shots > 0) return run_few_shot(options->few_shot, options->bench, options->json);
    Progress progress("bench", "rounds");
    BenchHooks hooks;
    hooks.open = open_session;
    hooks.progress = [&](int64_t done, int64_t total) { progress.update(done, total); };
    hooks.cancelled = interrupted;
    const BenchReport report = bench(options->bench, hooks);
    progress.clear();
    print(report, options->json);
  });
}

}  // namespace flam::cli
