#include "framework/commands/evaluate/evaluate.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/progress.h"
#include "framework/base/text.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

nlohmann::ordered_json scores_json(const Metric::Scores& scores) {
  nlohmann::ordered_json out = nlohmann::ordered_json::object();
  for (const auto& [name, value] : scores) out[name] = value;
  return out;
}

void print_scores(const std::string& label, const Metric::Scores& scores) {
  std::cout << "  " << label << std::string(label.size() < 24 ? 24 - label.size() : 1, ' ');
  if (scores.empty()) std::cout << "  no record was answered";
  for (const auto& [name, value] : scores) std::cout << "  " << name << " " << value;
  std::cout << "\n";
}

/// Errors on stderr; whether there are any.
bool report_failures(const EvaluatedPass& pass, int64_t records, const std::string& where) {
  for (const std::string& failure : pass.failures) std::cerr << "error" << where << ": " << failure << "\n";
  if (pass.failed > 0) {
    std::cerr << pass.failed << " of " << records << " records failed" << where
              << " and are left out of the scores\n";
  }
  return pass.failed > 0;
}

}  // namespace

void add_evaluate(CLI::App& app, int& status) {
  struct Options {
    std::string config;
    RunOptions session;
    std::optional<int64_t> limit;
    int64_t batch_size = 50;
    std::optional<int64_t> seed;
    bool json = false, blind = true;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("evaluate", "score a model on its config's dataset");
  command->footer(
      "Example: flam evaluate flamingo_mini_vqa --limit 1000 --seed 7\n"
      "A record that can't be run is left out of the scores and counted, with its picture and without "
      "it alike; the exit status is then 1.");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command->add_option("--limit", options->limit, "number of records to use; all by default")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  add_batch_size(*command, options->batch_size, "records answered together");
  command->add_flag("--blind,!--no-blind", options->blind,
                    "also answer without the picture as a control (on by default)");
  command->add_flag("--json", options->json, "print one line of JSON at the end");
  add_session_options(*command, options->session);
  add_seed(*command, options->seed, "seed of the dataset and of sampling, instead of the config's");
  command->callback([options, &status] {
    const auto session = open_session(options->config, options->session);
    Progress progress("evaluate");
    EvaluateOptions evaluation;
    evaluation.seed = options->seed;
    evaluation.limit = options->limit;
    evaluation.batch_size = options->batch_size;
    evaluation.blind = options->blind;
    evaluation.progress = [&](int64_t done, int64_t total) { progress.update(done, total); };
    evaluation.cancelled = interrupted;
    const Evaluation result = evaluate(*session, evaluation);
    if (options->json) {
      nlohmann::ordered_json out = {{"config", result.config},
                                    {"seed", result.seed},
                                    {"n", result.n},
                                    {"scores", scores_json(result.answers.scores)}};
      if (result.answers.failed > 0) out["failed"] = result.answers.failed;
      for (const auto& [name, pass] : result.controls) {
        out["controls"][name] = scores_json(pass.scores);
        if (pass.failed > 0) out["controls_failed"][name] = pass.failed;
      }
      for (const auto& [name, scores] : result.by_kind) out["by_kind"][name] = scores_json(scores);
      std::cout << json_line(out) << "\n";
    } else {
      std::cout << result.config << ", seed " << result.seed << ", " << result.n << " records\n";
      print_scores("all", result.answers.scores);
      for (const auto& [name, scores] : result.by_kind) print_scores(name, scores);
      for (const auto& [name, pass] : result.controls) print_scores("control: " + name, pass.scores);
    }
    bool failed = report_failures(result.answers, result.n, "");
    for (const auto& [name, pass] : result.controls)
      failed = report_failures(pass, result.n, cat(" in the control ", quoted(name))) || failed;
    status = failed ? 1 : 0;
  });
}

}  // namespace flam::cli
