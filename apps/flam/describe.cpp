#include "framework/commands/describe/describe.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/commands/describe/describe_memory.h"
#include "framework/report/json.h"

namespace flam::cli {

void add_describe(CLI::App& app, int& status) {
  struct Options {
    std::string config, quantize;
    std::vector<std::string> overrides;
    RunOptions run;  // plugin_path and weights
    MemoryOptions memory;
    bool tensors = false, json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "describe",
      "print a model's parts, shapes, parameters, FLOPs, and the memory that a run needs; needs no weights");
  command->footer("Example: flam describe flamingo_3rdparty-zeroshot_caption");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  add_set(*command, options->overrides);
  MemoryOptions& memory = options->memory;
  add_prompt_tokens(
      *command, memory.prompt_tokens,
      "length of each prompt, in tokens, one of which stands for each picture; FLOPs are counted "
      "for one prompt of this length with one picture");
  command->add_option("--images", memory.images, "number of pictures in each prompt, for memory")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      ->add_option("--new-tokens", memory.new_tokens, "most new tokens, instead of the config's, for memory")
      ->check(CLI::Range(1, 100'000));
  add_num_beams(*command, memory.num_beams, "number of beams, instead of the config's, for memory");
  add_batch_size(*command, memory.batch_size, "prompts computed together, for memory");
  command
      ->add_option("--dtype", memory.dtype, "auto (the config's), float32, bfloat16 or float16, for memory")
      ->check(not_empty())
      ->capture_default_str();
  add_weights(*command, options->run);
  command->add_flag("--tensors", options->tensors, "also print every tensor");
  command->add_flag("--json", options->json, "print JSON");
  add_quantize(*command, options->quantize);
  add_plugin_path(*command, options->run.plugin_path);
  command->callback([options, &status] {
    const auto registry = open_registry(options->run.plugin_path);
    RunConfig config = RunConfig::load(options->config, options->overrides, *registry);
    config.weights.quantize = config.quantize_of(options->quantize);
    const Description description =
        describe(config, *registry, options->memory.prompt_tokens, options->run.weights);
    options->memory.weights = options->run.weights;
    const MemoryDescription memory = describe_memory(config, *registry, options->memory);
    if (options->json) {
      nlohmann::ordered_json out = describe_json(description);
      out["memory"] = memory_json(memory);
      std::cout << json_line(out) << "\n";
    } else {
      std::cout << describe_text(description, options->tensors) << memory_text(memory);
    }
    status = 0;
  });
}

}  // namespace flam::cli
