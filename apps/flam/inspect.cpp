#include "framework/commands/describe/inspect.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"
#include "framework/commands/describe/inspect_config.h"
#include "framework/config/config.h"
#include "framework/recipe/paths.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

struct Options {
  std::string what;
  std::vector<std::string> overrides;
  std::vector<std::filesystem::path> plugin_path;
  bool json = false, markdown = false;
};

bool is_kind(const std::string& what) {
  const auto& kinds = component_kinds();
  return std::find(kinds.begin(), kinds.end(), what) != kinds.end();
}

/// Whether the argument is a YAML file, or a model name that is not also a component's name.
bool is_config(const std::string& what, const Registry& registry) {
  const std::filesystem::path path(what);
  if (path.extension() == ".yaml" || path.extension() == ".yml") return true;
  const auto listed = registry.list();
  if (std::any_of(listed.begin(), listed.end(), [&](const auto& entry) { return entry.name == what; }))
    return false;
  const auto configs = list_configs(configs_root());
  return std::any_of(configs.begin(), configs.end(),
                     [&](const auto& config) { return config.first == what; });
}

void inspect_any(const Options& options, Registry& registry) {
  const bool kind = is_kind(options.what), config = !kind && is_config(options.what, registry);
  if (!options.overrides.empty() && !config)
    throw Error(cat("--set changes a value of a config, and ", quoted(options.what), " is none"));
  if (options.markdown && (kind || config)) {
    throw Error(cat("--markdown is for the pages of components, and ", quoted(options.what), " is a ",
                    kind ? "kind" : "config"));
  }
  if (kind) {
    const KindPage page = inspect_kind(options.what, registry);
    std::cout << (options.json ? json_line(kind_json(page)) + "\n" : kind_text(page));
    return;
  }
  if (config) {
    const RunConfig run = RunConfig::load(options.what, options.overrides, registry);
    const ConfigPage page = inspect_config(run, find_config(options.what, configs_root()).string());
    std::cout << (options.json ? json_line(config_json(page)) + "\n" : config_text(page));
    return;
  }
  for (const ComponentPage& page : inspect(options.what, registry)) {
    if (options.json) {
      std::cout << json_line(page_json(page)) << "\n";
    } else {
      std::cout << (options.markdown ? page_markdown(page) : page_text(page));
    }
  }
}

}  // namespace

void add_inspect(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "inspect", "print the contract, origin and parameters of a kind, component, plugin file or config");
  command->footer(
      "Examples:\n  flam inspect resampler\n  flam inspect perceiver\n  flam inspect resampler/perceiver\n"
      "  flam inspect build/libflam_my_backbone.so\n  flam inspect flamingo_mini_caption");
  command
      ->add_option("NAME|FILE", options->what,
                   "kind, NAME or KIND/NAME of a component, plugin library, model name or config file")
      ->required();
  CLI::Option* json = command->add_flag("--json", options->json, "print JSON");
  command->add_flag("--markdown", options->markdown, "for components: print the page in docs/components")
      ->excludes(json);
  add_set(*command, options->overrides, "for configs: set a value (repeatable)");
  add_plugin_path(*command, options->plugin_path);
  command->callback([options, &status] {
    const auto registry = open_registry(options->plugin_path);
    inspect_any(*options, *registry);
    status = 0;
  });
}

}  // namespace flam::cli
