#include "framework/commands/evaluate/report.h"

#include <iostream>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"

namespace flam::cli {

void add_report(CLI::App& app, int& status) {
  struct Options {
    std::vector<std::string> folders;
    std::string output;
    ReportOptions report;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("report", "write a page about the results of `flam evaluate --output`");
  command->footer(
      "Examples:\n  flam report results\n  flam report results_4_shots results_0_shots results_8_shots\n"
      "The page shows the first folder, and the scores of the others beside its own.");
  command->add_option("DIR", options->folders, "folders that `flam evaluate --output` wrote")->required();
  command->add_option("--output", options->output, "file to write; DIR/report.html by default")
      ->type_name("FILE.html")
      ->check(not_empty());
  command
      ->add_option("--plot", options->report.plot,
                   "also write the first score by shots, of all folders, as an SVG")
      ->type_name("FILE.svg")
      ->check(not_empty());
  command->add_option("--examples", options->report.examples, "best, worst and random examples, each")
      ->check(CLI::Range(0, 1000));
  command->add_option("--records", options->report.records, "records in the table at the end")
      ->check(CLI::Range(0, 100'000));
  add_set(*command, options->report.scoring.overrides, "score with other metrics: 'metrics=[{type: …}, …]'");
  add_plugin_path(*command, options->report.scoring.plugin_path);
  add_resamples(*command, options->report.scoring.resamples);
  command->callback([options, &status] {
    options->report.beside.assign(options->folders.begin() + 1, options->folders.end());
    const std::string file = write_report(options->folders.front(), options->output, options->report);
    std::cerr << "wrote " << quoted(file) << "\n";
    status = 0;
  });
}

}  // namespace flam::cli
