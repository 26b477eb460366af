#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"
#include "framework/commands/describe/config_diff.h"
#include "framework/report/json.h"

namespace flam::cli {

namespace {

RunConfig parse_side(const std::string& name, const std::vector<std::string>& shared,
                     const std::vector<std::string>& own, Registry& registry) {
  std::vector<std::string> overrides = shared;
  overrides.insert(overrides.end(), own.begin(), own.end());
  RunConfig config = RunConfig::load(name, overrides, registry);
  for (const std::string& assignment : own) config.name += " --set " + printable(assignment);
  return config;
}

}  // namespace

void add_diff(CLI::App& app, int& status) {
  struct Options {
    std::string a, b;
    std::vector<std::string> shared, set_a, set_b;
    std::vector<std::filesystem::path> plugin_path;
    int64_t prompt_tokens = 32;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "diff", "print how two configs differ: parameters, shapes, tensors, bytes and FLOPs");
  command->footer(
      "Exit status: 0 if the configs are equal, 1 if they differ, 2 if one of them is invalid.\n"
      "Examples:\n  flam diff flamingo_mini_caption flamingo_mini_vqa\n"
      "  flam diff flamingo_mini_vqa flamingo_mini_vqa --set-b model.resampler.num_latents=64");
  command->add_option("CONFIG_A", options->a, "model name or config file")->required();
  command->add_option("CONFIG_B", options->b, "model name or config file")->required();
  for (const auto& [name, values, doc] :
       {std::tuple("--set", &options->shared, "set a value of both configs (repeatable)"),
        std::tuple("--set-a", &options->set_a, "set a value of the first config (repeatable)"),
        std::tuple("--set-b", &options->set_b, "set a value of the second config (repeatable)")}) {
    command->add_option(name, *values, doc)->allow_extra_args(false)->type_name("KEY=VALUE");
  }
  add_prompt_tokens(*command, options->prompt_tokens,
                    "length of the prompt for which FLOPs are counted, in tokens");
  command->add_flag("--json", options->json, "print JSON");
  add_plugin_path(*command, options->plugin_path);
  command->callback([options, &status] {
    const auto registry = open_registry(options->plugin_path);
    const RunConfig a = parse_side(options->a, options->shared, options->set_a, *registry);
    const RunConfig b = parse_side(options->b, options->shared, options->set_b, *registry);
    const ConfigDiff diff = diff_configs(a, b, *registry, options->prompt_tokens);
    std::cout << (options->json ? json_line(diff_json(diff)) + "\n" : diff_text(diff));
    status = diff.equal() ? 0 : 1;
  });
}

}  // namespace flam::cli
