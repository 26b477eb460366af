#include "framework/commands/convert/convert.h"

#include <iostream>
#include <limits>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/launched.h"
#include "framework/base/text.h"

namespace flam::cli {

void add_convert(CLI::App& app, int& status) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* command = app.add_subcommand(
      "convert", "write a model's weights, from the files that its config names, as one safetensors file");
  command->footer(
      "Example: flam convert flamingo_mini_caption mini-f16.safetensors --dtype float16\n"
      "The file has numbers; `flam quantize` writes one with matrices in 8 or 4 bits.");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command
      ->add_option("OUTPUT", options->output,
                   "file to write; --weights, weights.files and train.init_from read it")
      ->type_name("FILE.safetensors")
      ->required()
      ->check(not_empty());
  command->add_option("--dtype", options->run.dtype, "type of the numbers in the file; auto: the config's")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "float16"}))
      ->capture_default_str();
  command->add_flag("--overwrite", options->overwrite, "replace OUTPUT if it exists");
  command->add_flag("--initialise-missing", options->initialise_missing,
                    "give tensors that are in no file their initial values, instead of refusing to convert");
  command
      ->add_option("--only", options->only,
                   "write only the tensors whose names match (SLOT.NAME, * matches anything)")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--naming", options->naming,
          "write the names of a published checkpoint: a naming table of the one component that --only "
          "chooses, such as huggingface (docs/weights.md)")
      ->type_name("NAME")
      ->check(not_empty());
  add_set(*command, options->run.overrides);
  add_plugin_path(*command, options->run.plugin_path);
  add_weights(*command, options->run);
  command->add_option("--weights-seed", options->run.weights_seed, "seed of initial values")
      ->check(CLI::Range(uint64_t{0}, static_cast<uint64_t>(std::numeric_limits<int64_t>::max())))
      ->capture_default_str();
  command->callback([options, &status] {
    require_one_process("convert");
    const ConvertReport report = convert(*options);
    std::cerr << report.tensors << " tensors, " << report.bytes << " bytes, in "
              << printable(options->output, 4096) << "\n";
    if (!report.initialised.empty() && options->run.weights != "random") {
      std::cerr << report.initialised.size() << " of them are in no file and have their initial values:\n";
      for (const std::string& name : report.initialised) std::cerr << "  " << name << "\n";
    }
    status = 0;
  });
}

}  // namespace flam::cli
