#include <iostream>
#include <limits>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/launched.h"
#include "framework/base/text.h"
#include "framework/commands/quantize/quantize_model.h"

namespace flam::cli {

void add_quantize_command(CLI::App& app, int& status) {
  auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command = app.add_subcommand(
      "quantize",
      "write a model's weights with matrices in 8 or 4 bits, which a run maps and uses as they are");
  command->footer("Example: flam quantize flamingo_mini_caption mini-int4.safetensors --quantize int4");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command->add_option("OUTPUT", options->output, "file to write; --weights and weights.files read it")
      ->type_name("FILE.safetensors")
      ->required()
      ->check(not_empty());
  add_quantize(*command, options->run.quantize);
  command
      ->add_option("--dtype", options->run.dtype,
                   "type of the numbers of all other tensors; auto: the config's")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "float16"}))
      ->capture_default_str();
  command->add_flag("--overwrite", options->overwrite, "replace OUTPUT if it exists");
  add_set(*command, options->run.overrides);
  add_plugin_path(*command, options->run.plugin_path);
  add_weights(*command, options->run);
  command->add_option("--weights-seed", options->run.weights_seed, "seed of the values with --weights random")
      ->check(CLI::Range(uint64_t{0}, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())))
      ->capture_default_str();
  command->callback([options, &status] {
    require_one_process("quantize");
    const QuantizeReport report = quantize_model(*options);
    warn_of(report.left);
    std::cerr << report.matrices << " quantised matrices, " << report.tensors << " tensors, " << report.bytes
              << " bytes, in " << printable(options->output, 4096) << "\n";
    status = 0;
  });
}

}  // namespace flam::cli
