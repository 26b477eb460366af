#include "framework/commands/describe/describe.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/report/json.h"

namespace flam::cli {

void add_describe(CLI::App& app, int& status) {
  struct Options {
    std::string config, quantize;
    std::vector<std::string> overrides;
    std::vector<std::filesystem::path> plugin_path;
    int64_t prompt_tokens = 32;
    bool tensors = false, json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "describe", "print a model's parts, shapes, parameters, bytes and FLOPs; needs no weights");
  command->footer("Example: flam describe flamingo_3rdparty-zeroshot_caption");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  add_set(*command, options->overrides);
  add_prompt_tokens(*command, options->prompt_tokens,
                    "length of the prompt for which FLOPs are counted, in tokens");
  command->add_flag("--tensors", options->tensors, "also print every tensor");
  command->add_flag("--json", options->json, "print JSON");
  add_quantize(*command, options->quantize);
  add_plugin_path(*command, options->plugin_path);
  command->callback([options, &status] {
    const auto registry = open_registry(options->plugin_path);
    RunConfig config = RunConfig::load(options->config, options->overrides, *registry);
    config.weights.quantize = config.quantize_of(options->quantize);
    const Description description = describe(config, *registry, options->prompt_tokens);
    if (options->json) {
      std::cout << json_line(describe_json(description)) << "\n";
    } else {
      std::cout << describe_text(description, options->tensors);
    }
    status = 0;
  });
}

}  // namespace flam::cli
