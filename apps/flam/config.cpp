#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/config/config.h"
#include "framework/recipe/paths.h"
#include "framework/report/json.h"

namespace flam::cli {

void add_config(CLI::App& app, int& status) {
  struct Options {
    std::string config;
    std::vector<std::string> overrides;
    std::vector<std::filesystem::path> plugin_path;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "config", "print a resolved config: bases merged, defaults filled in, with the origin of each value");
  command->footer("Example: flam config flamingo_mini_caption --set model.resampler.num_latents=32");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  add_set(*command, options->overrides);
  command->add_flag("--json", options->json, "print JSON, without origins");
  add_plugin_path(*command, options->plugin_path);
  command->callback([options, &status] {
    const auto registry = open_registry(options->plugin_path);
    const RunConfig config =
        RunConfig::parse(load_config_tree(options->config, options->overrides), *registry);
    Value resolved = config.resolved();
    shorten_configs_paths(resolved, configs_root());
    std::cout << (options->json ? json_line(to_json(resolved)) + "\n"
                                : write_yaml(resolved, {.origins = true}));
    status = 0;
  });
}

}  // namespace flam::cli
