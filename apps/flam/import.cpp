#include "framework/recipe/import/import.h"

#include <filesystem>
#include <iostream>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/model/model.h"
#include "framework/recipe/import/gguf_import.h"
#include "framework/recipe/outputs.h"

namespace flam::cli {

namespace {

struct ImportOptions {
  std::string model, output, chat_template;
  bool overwrite = false;
  std::vector<std::filesystem::path> plugin_path;
};

std::string folder_config(const ImportOptions& options, Registry& registry) {
  const Value config = import_model(options.model, options.chat_template);
  // Refuses what the components don't support, in the config and in the tokenizer's files.
  const RunConfig parsed = RunConfig::parse(config, registry);
  parsed.load(Model::assemble(parsed.model, registry)->tokenizer());
  return cat(
      "# Made by `flam import` from the Hugging Face folder that `weights.root` names. It may be changed "
      "like any other config.\n",
      write_yaml(config));
}

std::string gguf_part(const ImportOptions& options, Registry& registry) {
  if (!options.chat_template.empty())
    throw Error("--chat-template is for Hugging Face folders; a GGUF file gives no task_head");
  return cat(
      "# Made by `flam import` from a GGUF file, which holds a language decoder and its tokenizer. It is a "
      "base for\n# configs (`_base_`), which add the picture part: model.vision_backbone, resampler and "
      "adapter, transforms and task_head.\n",
      write_yaml(import_gguf(options.model, registry)));
}

void run(const ImportOptions& options) {
  std::error_code ignored;
  const bool is_gguf = is_gguf_file(options.model);
  if (!is_gguf && !std::filesystem::is_directory(options.model, ignored)) {
    throw Error(
        cat(quoted(options.model),
            " is neither a folder nor a GGUF file; expected a Hugging Face model folder, or a GGUF file"));
  }
  if (!options.output.empty()) require_overwrite(options.output, options.overwrite);
  const auto registry = open_registry(options.plugin_path);
  const std::string text = cat("# yaml-language-server: $schema=flam.schema.json\n",
                               is_gguf ? gguf_part(options, *registry) : folder_config(options, *registry));
  if (options.output.empty()) {
    std::cout << text;
  } else {
    write_file(options.output, text);
    std::cerr << "wrote " << quoted(options.output) << "\n";
  }
}

}  // namespace

void add_import(CLI::App& app, int& status) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command = app.add_subcommand(
      "import", "write the config of a Hugging Face model folder, or the part of one that a GGUF file holds");
  command->footer(
      "Examples:\n  flam import llava-1.5-7b-hf llava.yaml\n  flam infer llava.yaml scene.png --question "
      "\"what is "
      "this?\"\n  flam import SmolLM2-135M-Instruct.Q4_1.gguf decoder.yaml\nEvery command that takes a "
      "CONFIG also takes the folder itself. docs/models.md lists the "
      "families.");
  command
      ->add_option("MODEL", options->model, "folder with config.json, weights and tokenizer, or a GGUF file")
      ->required();
  command->add_option("OUT", options->output, "file to write; without it, the config is printed")
      ->type_name("FILE.yaml")
      ->check(not_empty());
  command
      ->add_option("--chat-template", options->chat_template,
                   "chat template of this family, instead of the folder's")
      ->type_name("NAME")
      ->check(not_empty());
  command->add_flag("--overwrite", options->overwrite, "replace OUT if it exists");
  add_plugin_path(*command, options->plugin_path);
  command->callback([options, &status] {
    run(*options);
    status = 0;
  });
}

}  // namespace flam::cli
