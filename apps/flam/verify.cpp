#include "framework/commands/verify/verify.h"

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
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

void add_verify(CLI::App& app, int& status) {
  struct Options {
    std::string config, reference;
    RunOptions session;
    std::optional<double> tolerance;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("verify", "compare a model with a stored dump of a reference, stage by stage");
  command->footer(
      "Example: flam verify my_model.yaml dumps/caption_0shot.safetensors\n"
      "The format of a dump is described in docs/verify.md.");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command->add_option("REFERENCE", options->reference, "NAME.safetensors with NAME.json beside it")
      ->required();
  command
      ->add_option("--tolerance", options->tolerance,
                   "largest allowed error of activations, relative to the reference's largest value (or 1); "
                   "the default "
                   "depends on the dtype: float32 1e-4, float16 1e-2, bfloat16 5e-2")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--json", options->json, "print JSON");
  add_session_options(*command, options->session);
  command->callback([options, &status] {
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
