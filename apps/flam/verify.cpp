#include "framework/commands/verify/verify.h"

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/progress.h"
#include "framework/base/text.h"
#include "framework/commands/verify/against.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

void print_text(const VerifyReport& report) {
  std::cout << std::left << std::setw(34) << "stage" << std::setw(18) << "shape" << std::setw(14)
            << "largest error" << std::setw(12) << "tolerance" << std::setw(16) << "cosine"
            << "\n";
  for (const StageCheck& stage : report.stages) {
    std::cout << std::setw(34) << stage.stage << std::setw(18) << stage.shape << std::setw(14)
              << std::setprecision(3) << stage.largest_error << std::setw(12) << stage.tolerance
              << std::setw(16) << std::setprecision(8) << stage.cosine
              << (!stage.compared ? "not compared"
                  : stage.passed  ? "ok"
                                  : "DEPARTS")
              << (stage.note.empty() ? "" : "  " + stage.note) << "\n";
  }
  for (const auto& stage : report.skipped)
    std::cout << std::setw(34) << stage << "not compared: not in the reference\n";
  if (report.passed()) {
    const auto left = std::ssize(report.stages) - report.num_compared() + std::ssize(report.skipped);
    std::cout << "passed: " << report.num_compared() << " stages agree";
    if (left > 0) std::cout << ", " << left << " were not compared";
    std::cout << "\n";
  } else if (report.num_compared() == 0) {
    std::cout << "failed: no stage was compared\n";
  } else {
    std::cout << "failed: the first stage that departs is " << report.first_departure() << "\n";
  }
}

nlohmann::ordered_json as_json(const VerifyReport& report) {
  nlohmann::ordered_json out = {{"reference", report.reference},
                                {"passed", report.passed()},
                                {"first_departure", report.first_departure()},
                                {"skipped", report.skipped}};
  for (const StageCheck& stage : report.stages) {
    out["stages"].push_back({{"stage", stage.stage},
                             {"shape", stage.shape},
                             {"largest_error", stage.largest_error},
                             {"tolerance", stage.tolerance},
                             {"cosine", stage.cosine},
                             {"passed", stage.passed},
                             {"compared", stage.compared},
                             {"note", stage.note}});
  }
  return out;
}

}  // namespace

namespace {

void print(const AgainstReport& report, const std::string& dtype, bool json) {
  if (json) {
    std::cout << json_line(nlohmann::ordered_json{{"against", dtype},
                                                  {"requests", report.requests},
                                                  {"failed", report.failures.size()},
                                                  {"tokens", report.tokens},
                                                  {"mean_kl", report.mean_kl},
                                                  {"largest_kl", report.largest_kl},
                                                  {"top1_agreement", report.top1_agreement()},
                                                  {"answer_agreement", report.answer_agreement()}})
              << "\n";
    return;
  }
  const auto percent = [](double share) { return 100 * share; };
  std::cout << counted(report.requests, "request") << ", " << counted(report.tokens, "token")
            << ", compared with " << dtype << "\n"
            << std::setprecision(4) << "KL divergence of the next token: mean " << report.mean_kl
            << ", largest " << report.largest_kl << " nats\n"
            << "top-1 agreement: " << percent(report.top1_agreement()) << "%\n"
            << "answer agreement: " << percent(report.answer_agreement()) << "% (" << report.equal_answers
            << ")\n";
}

/// Returns the exit status.
int compare_with(const std::string& config, const RunOptions& options, const std::string& dtype,
                 AgainstOptions comparison, bool json) {
  RunOptions other = options;
  other.dtype = dtype;
  other.quantize = "none";
  const auto reference = open_session(config, other);
  require_numbers(*reference);
  const auto run = open_session(config, options);
  Progress progress("verify", "requests");
  comparison.progress = [&](int64_t done, int64_t total) { progress.update(done, total); };
  comparison.cancelled = interrupted;
  const AgainstReport report = verify_against(*run, *reference, comparison);
  progress.clear();
  for (const std::string& failure : report.failures) std::cerr << "error: " << failure << "\n";
  if (report.requests > 0) print(report, dtype, json);
  return report.failures.empty() ? 0 : 1;
}

}  // namespace

void add_verify(CLI::App& app, int& status) {
  struct Options {
    std::string config, reference;
    RunOptions session;
    std::optional<double> tolerance;
    std::string against;
    AgainstOptions comparison;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "verify", "compare a model with a stored dump of a reference, or with itself in another dtype");
  command->footer(
      "Examples:\n  flam verify my_model.yaml dumps/caption_0shot.safetensors\n"
      "  flam verify flamingo_mini_vqa --quantize int4 --against float32 --limit 500\n"
      "The format of a dump is described in docs/verify.md.");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  CLI::Option* dump =
      command->add_option("REFERENCE", options->reference, "NAME.safetensors with NAME.json beside it");
  CLI::Option* against =
      command
          ->add_option(
              "--against", options->against,
              "instead of a dump, compare the answers and the probabilities of tokens with those of the "
              "same model in this dtype and without quantisation")
          ->type_name("DTYPE")
          ->check(CLI::IsMember({"float32", "bfloat16", "float16"}))
          ->excludes(dump);
  command
      ->add_option(
          "--request", options->comparison.requests,
          "with --against: file of requests, one JSON object per line; by default the config's dataset")
      ->type_name("FILE.jsonl")
      ->check(not_empty())
      ->needs(against);
  command
      ->add_option("--limit", options->comparison.limit, "with --against: number of requests; all by default")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40))
      ->needs(against);
  add_batch_size(*command, options->comparison.batch_size, "with --against: requests answered together");
  CLI::Option* tolerance =
      command
          ->add_option(
              "--tolerance", options->tolerance,
              "largest allowed error of activations, relative to the reference's largest value (or 1); "
              "the default "
              "depends on the dtype: float32 1e-4, float16 1e-2, bfloat16 5e-2")
          ->check(CLI::Range(0.0, 1.0));
  tolerance->excludes(against);
  command->add_flag("--json", options->json, "print JSON");
  add_session_options(*command, options->session);
  command->callback([options, &status] {
    if (!options->against.empty()) {
      status = compare_with(options->config, options->session, options->against, options->comparison,
                            options->json);
      return;
    }
    if (options->reference.empty())
      throw Error("nothing to compare with: give the file of a dump, or --against float32");
    const auto session = open_session(options->config, options->session);
    VerifyOptions allowed = VerifyOptions::of(session->model().dtype());
    if (options->tolerance) allowed.tolerance = *options->tolerance;
    const VerifyReport report = verify(*session, options->reference, allowed);
    if (options->json) {
      std::cout << json_line(as_json(report)) << "\n";
    } else {
      print_text(report);
    }
    status = report.passed() ? 0 : 1;
  });
}

}  // namespace flam::cli
