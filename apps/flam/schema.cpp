#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/commands/compare/experiment.h"
#include "framework/recipe/config_schema.h"
#include "framework/report/json.h"

namespace flam::cli {

void add_schema(CLI::App& app, int& status) {
  struct Options {
    bool whole = false, experiment = false;
    std::vector<std::filesystem::path> plugin_path;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "schema",
      "print a JSON Schema (draft 2020-12) of configs with all components, for editors and validators");
  command->footer(
      "Example: flam schema > flam.schema.json, and as the first line of a config:\n"
      "  # yaml-language-server: $schema=flam.schema.json");
  CLI::Option* whole =
      command->add_flag("--whole", options->whole,
                        "for configs as `flam config` prints them, in which nothing required may be missing");
  command->add_flag("--experiment", options->experiment, "for the experiments of `flam compare`")
      ->excludes(whole);
  add_plugin_path(*command, options->plugin_path);
  command->callback([options, &status] {
    const auto registry = open_registry(options->plugin_path);
    const Value schema = options->experiment
                             ? experiment_schema()
                             : config_schema(*registry, options->whole ? SchemaFor::whole : SchemaFor::files);
    std::cout << json_lines(to_json(schema), 1);
    status = 0;
  });
}

}  // namespace flam::cli
