#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"
#include "framework/commands/evaluate/rescore.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

void print_comparison(const RunComparison& comparison, const std::string& a, const std::string& b,
                      bool json) {
  if (json) {
    nlohmann::ordered_json out = {{"a", a}, {"b", b}, {"records", comparison.records}};
    if (comparison.failed > 0) out["failed"] = comparison.failed;
    out["tests"] = tests_json(comparison.tests);
    std::cout << json_line(out) << "\n";
    return;
  }
  std::cout << printable(a, 4096) << " - " << printable(b, 4096) << ", "
            << counted(comparison.records, "record");
  if (comparison.failed > 0)
    std::cout << ", without " << comparison.failed << " that one run could not answer";
  std::cout << "\n" << tests_text(comparison.tests);
}

}  // namespace

void add_score(CLI::App& app, int& status) {
  struct Options {
    std::string folder, against;
    RescoreOptions scoring;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("score", "score the predictions of `flam evaluate --output` again");
  command->footer(
      "Examples:\n  flam score results --set 'metrics=[{type: exact_match, ignore_case: true}]'\n"
      "  flam score results --against other_results");
  command->add_option("DIR", options->folder, "folder that `flam evaluate --output` wrote")->required();
  command
      ->add_option("--against", options->against,
                   "test whether another run over the same records has other scores")
      ->type_name("DIR")
      ->check(not_empty());
  add_set(*command, options->scoring.overrides, "score with other metrics: 'metrics=[{type: …}, …]'");
  add_plugin_path(*command, options->scoring.plugin_path);
  add_resamples(*command, options->scoring.resamples);
  command->add_flag("--json", options->json, "print one line of JSON");
  command->callback([options, &status] {
    status = 0;
    if (!options->against.empty()) {
      if (options->scoring.resamples == 0) throw Error("--against needs --resamples above 0");
      return print_comparison(compare_runs(options->folder, options->against, options->scoring),
                              options->folder, options->against, options->json);
    }
    const Evaluation result = rescore(options->folder, options->scoring);
    std::cout << (options->json ? json_line(evaluation_json(result)) + "\n" : evaluation_text(result));
  });
}

}  // namespace flam::cli
