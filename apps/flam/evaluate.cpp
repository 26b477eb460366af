#include "framework/commands/evaluate/evaluate.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/launched.h"
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

struct Options {
  std::string config;
  RunOptions session;
  EvaluateOptions evaluation;
  double dist_timeout = 120;
  bool json = false;
};

std::unique_ptr<Group> join(const Options& options) {
  if (options.evaluation.output.empty() && read_launch().world_size > 1)
    throw Error("several processes need a folder that all of them share; name it with --output");
  return join_group(options.dist_timeout);
}

Evaluation run(const Session& session, const EvaluateOptions& options) {
  try {
    return evaluate(session, options);
  } catch (const Interrupted&) {
    if (options.output.empty()) throw;
    throw RunError("interrupted; the predictions so far are kept, and the same command continues after them");
  }
}

/// Evaluates with progress, and prints the scores; the exit status.
int score(const std::shared_ptr<Session>& session, const Options& options) {
  Progress progress("evaluate", "records"), index("index of pictures");
  EvaluateOptions evaluation = options.evaluation;
  int64_t from_before = 0;
  evaluation.indexing = [&](int64_t done, int64_t total) { index.update(done, total); };
  evaluation.progress = [&](int64_t done, int64_t total, int64_t kept) {
    from_before = kept;
    progress.update(done, total, kept);
  };
  const Evaluation result = run(*session, evaluation);
  progress.clear();
  if (!evaluation.output.empty()) {
    std::cerr << quoted(evaluation.output) << " is complete: " << counted(result.n, "record");
    if (from_before > 0) std::cerr << ", " << from_before << " answered before";
    std::cerr << "\n";
  }
  std::cout << (options.json ? json_line(evaluation_json(result)) + "\n" : evaluation_text(result));
  bool failed = report_failures(result.answers, result.n, "");
  for (const auto& [name, pass] : result.controls)
    failed = report_failures(pass, result.n, cat(" in the control ", quoted(name))) || failed;
  return failed ? 1 : 0;
}

}  // namespace

void add_evaluate(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  EvaluateOptions& evaluation = options->evaluation;
  evaluation.resamples = 1000;
  CLI::App* command = app.add_subcommand("evaluate", "score a model on its config's dataset");
  command->footer(
      "Examples:\n  flam evaluate flamingo_mini_vqa --limit 1000 --seed 7\n"
      "  flam evaluate flamingo_mini_vqa --output results   (flam score results, flam report results)\n"
      "  torchrun --nproc-per-node 4 --no-python flam evaluate flamingo_mini_vqa --output results\n"
      "A record that can't be run is left out of the scores and counted, with its picture and without "
      "it alike; the exit status is then 1.");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command->add_option("--limit", evaluation.limit, "number of records to use; all by default")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  add_batch_size(*command, evaluation.batch_size, "records answered together");
  command->add_flag("--blind,!--no-blind", evaluation.blind,
                    "also answer without the picture as a control (on by default)");
  command->add_flag("--swapped", evaluation.swapped,
                    "also answer each record with the picture of another one as a control");
  command
      ->add_option("--shots", evaluation.shots,
                   "examples before each query, from the dataset of the config's `shots`")
      ->check(CLI::Range(0, 1024));
  CLI::Option* output =
      command
          ->add_option("--output", evaluation.output,
                       "write predictions, scores and a receipt into a folder; what it has already is not "
                       "answered again")
          ->type_name("DIR")
          ->check(not_empty());
  command->add_flag("--overwrite", evaluation.overwrite, "start the results in the folder anew")
      ->needs(output);
  add_resamples(*command, evaluation.resamples);
  command->add_flag("--json", options->json, "print one line of JSON at the end");
  add_session_options(*command, options->session);
  add_seed(*command, evaluation.seed, "seed of the dataset and of sampling, instead of the config's");
  add_dist_timeout(*command, options->dist_timeout);
  command->callback([options, &status] {
    EvaluateOptions& evaluation = options->evaluation;
    const std::unique_ptr<Group> group = join(*options);
    evaluation.group = group.get();
    evaluation.cancelled = interrupted;
    RunOptions opening = options->session;
    opening.hash_weights = !evaluation.output.empty();
    opening.before_loading = [&](const RunConfig& config, const TaskHead*) {
      check_evaluation(config, evaluation);
    };
    if (group) share_machine(*group, opening);
    run_in_group(group.get(), [&] {
      if (!group || group->is_first()) {
        status = score(open_session(options->config, opening), *options);
      } else {
        const Evaluation result = run(*Session::open(options->config, opening), evaluation);
        std::cerr << "rank " << group->rank() << " has answered "
                  << counted(result.answers.answered, "record") << "\n";
      }
    });
  });
}

}  // namespace flam::cli
