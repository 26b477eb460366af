#include "framework/commands/evaluate/evaluate.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/progress.h"
#include "framework/base/interrupted.h"
#include "framework/base/text.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

/// Errors on stderr; whether there are any.
bool report_failures(const EvaluatedPass& pass, int64_t records, const std::string& where) {
  for (const std::string& failure : pass.failures) std::cerr << "error" << where << ": " << failure << "\n";
  if (pass.failed > 0) {
    std::cerr << pass.failed << " of " << records << " records failed" << where
              << " and are left out of the scores\n";
  }
  return pass.failed > 0;
}

Evaluation run(const Session& session, const EvaluateOptions& options) {
  try {
    return evaluate(session, options);
  } catch (const Interrupted&) {
    if (options.output.empty()) throw;
    throw RunError("interrupted; the predictions so far are kept, and the same command continues after them");
  }
}

}  // namespace

void add_evaluate(CLI::App& app, int& status) {
  struct Options {
    std::string config;
    RunOptions session;
    std::optional<int64_t> limit;
    int64_t batch_size = 50;
    std::optional<int64_t> seed;
    std::optional<int64_t> shots;
    int64_t resamples = 1000;
    std::string output;
    bool json = false, blind = true, swapped = false, overwrite = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("evaluate", "score a model on its config's dataset");
  command->footer(
      "Examples:\n  flam evaluate flamingo_mini_vqa --limit 1000 --seed 7\n"
      "  flam evaluate flamingo_mini_vqa --output results   (flam score results, flam report results)\n"
      "A record that can't be run is left out of the scores and counted, with its picture and without "
      "it alike; the exit status is then 1.");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command->add_option("--limit", options->limit, "number of records to use; all by default")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  add_batch_size(*command, options->batch_size, "records answered together");
  command->add_flag("--blind,!--no-blind", options->blind,
                    "also answer without the picture as a control (on by default)");
  command->add_flag("--swapped", options->swapped,
                    "also answer each record with the picture of another one as a control");
  command
      ->add_option("--shots", options->shots,
                   "examples before each query, from the dataset of the config's `shots`")
      ->check(CLI::Range(0, 1024));
  CLI::Option* output =
      command
          ->add_option("--output", options->output,
                       "write predictions, scores and a receipt into a folder; what it has already is not "
                       "answered again")
          ->type_name("DIR")
          ->check(not_empty());
  command->add_flag("--overwrite", options->overwrite, "start the results in the folder anew")->needs(output);
  add_resamples(*command, options->resamples);
  command->add_flag("--json", options->json, "print one line of JSON at the end");
  add_session_options(*command, options->session);
  add_seed(*command, options->seed, "seed of the dataset and of sampling, instead of the config's");
  command->callback([options, &status] {
    RunOptions opening = options->session;
    opening.hash_weights = !options->output.empty();
    const auto session = open_session(options->config, opening);
    Progress progress("evaluate", "records");
    EvaluateOptions evaluation;
    evaluation.seed = options->seed;
    evaluation.limit = options->limit;
    evaluation.shots = options->shots;
    evaluation.batch_size = options->batch_size;
    evaluation.blind = options->blind;
    evaluation.swapped = options->swapped;
    evaluation.resamples = options->resamples;
    evaluation.output = options->output;
    evaluation.overwrite = options->overwrite;
    int64_t from_before = 0;
    Progress index("index of pictures");
    evaluation.indexing = [&](int64_t done, int64_t total) { index.update(done, total); };
    evaluation.progress = [&](int64_t done, int64_t total, int64_t kept) {
      from_before = kept;
      progress.update(done, total, kept);
    };
    evaluation.cancelled = interrupted;
    const Evaluation result = run(*session, evaluation);
    progress.clear();
    if (!options->output.empty()) {
      std::cerr << quoted(options->output) << " is complete: " << counted(result.n, "record");
      if (from_before > 0) std::cerr << ", " << from_before << " answered before";
      std::cerr << "\n";
    }
    std::cout << (options->json ? json_line(evaluation_json(result)) + "\n" : evaluation_text(result));
    bool failed = report_failures(result.answers, result.n, "");
    for (const auto& [name, pass] : result.controls)
      failed = report_failures(pass, result.n, cat(" in the control ", quoted(name))) || failed;
    status = failed ? 1 : 0;
  });
}

}  // namespace flam::cli
