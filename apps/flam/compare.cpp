#include "framework/commands/compare/compare.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/launched.h"
#include "apps/flam/progress.h"
#include "framework/base/text.h"
#include "framework/commands/compare/compare_report.h"
#include "framework/report/json.h"

namespace flam::cli {

void add_compare(CLI::App& app, int& status) {
  struct Options {
    std::string experiment, output;
    std::vector<std::string> overrides;
    CompareOptions compare;
    bool json = false, plan = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "compare", "train, score and time variants of a config, and report them side by side");
  command->footer(
      "If it is run again, it does only the work that is not finished yet. Exit status 1: a variant failed, "
      "or\n"
      "with --plan, a variant cannot be run.\n"
      "Example: flam compare scenes_swaps --output swaps\ndocs/compare.md describes experiment files.");
  command->add_option("EXPERIMENT", options->experiment, "experiment name or file")->required();
  command->add_option("--output", options->output, "folder for the results, instead of the experiment's")
      ->type_name("DIR")
      ->check(not_empty());
  add_set(*command, options->overrides, "set a value of the experiment, e.g. seeds=[1] (repeatable)");
  command
      ->add_option("--threads", options->compare.threads,
                   "number of CPU threads; 0: one per core, or with --report, that of the stored runs")
      ->check(CLI::Range(0, 256));
  CLI::Option* plan = command->add_flag("--plan", options->plan, "run nothing; print what would be run");
  command->add_flag("--report", options->compare.only_report, "run nothing; report the stored results")
      ->excludes(plan);
  command->add_flag("--json", options->json, "print the whole report as one line of JSON");
  add_plugin_path(*command, options->compare.plugin_path);
  command->callback([options, &status] {
    require_one_process("compare");
    const auto registry = open_registry(options->compare.plugin_path);
    Experiment experiment = Experiment::load(options->experiment, options->overrides, *registry);
    if (!options->output.empty())
      experiment.output = std::filesystem::absolute(options->output).lexically_normal().native();
    if (options->plan) {
      const PlanSummary summary = plan_summary(experiment, *registry, options->compare.threads);
      std::cout << summary.text;
      status = summary.impossible > 0 ? 1 : 0;
      return;
    }
    std::unique_ptr<Progress> bar;
    std::string shown;
    CompareOptions compare_options = options->compare;
    compare_options.say = [&](const std::string& line) {
      bar.reset();
      std::cerr << line << "\n";
    };
    compare_options.progress = [&](const std::string& what, int64_t done, int64_t total) {
      if (!bar || what != shown) bar = std::make_unique<Progress>(what);
      shown = what;
      bar->update(done, total);
    };
    compare_options.cancelled = interrupted;
    nlohmann::ordered_json report;
    const CompareResult result = compare(experiment, *registry, compare_options, report);
    if (result.cancelled) {
      std::cerr << "interrupted; finished work is kept, and the same command continues from there\n";
      status = interrupted_status();
      return;
    }
    std::cout << (options->json ? json_line(report) + "\n" : report_text(report));
    std::cerr << printable(experiment.output, 4096) << "/compare.html, .csv and .json hold the report\n";
    status = result.failed > 0 ? 1 : 0;
  });
}

}  // namespace flam::cli
