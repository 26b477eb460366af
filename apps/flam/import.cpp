#include "framework/recipe/import/import.h"

#include <filesystem>
#include <iostream>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/file.h"
#include "framework/base/text.h"
#include "framework/config/config.h"

namespace flam::cli {

namespace {

struct ImportOptions {
  std::string folder, output, chat_template;
  bool overwrite = false;
  std::vector<std::filesystem::path> plugin_path;
};

void run(const ImportOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(options.folder, ignored))
    throw Error(cat(quoted(options.folder), " is not a folder; expected a Hugging Face model folder"));
  if (!options.output.empty() && !options.overwrite && std::filesystem::exists(options.output, ignored))
    throw Error(cat(quoted(options.output), " exists; give --overwrite to replace it"));
  const Value config = import_model(options.folder, options.chat_template);
  const auto registry = open_registry(options.plugin_path);
  static_cast<void>(RunConfig::parse(config, *registry));  // refuses what the components don't support
  const std::string text =
      cat("# yaml-language-server: $schema=flam.schema.json\n# Made by `flam import` from the "
          "Hugging Face folder that `weights.root` names. It may be changed like any other "
          "config.\n",
          write_yaml(config));
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
  CLI::App* command = app.add_subcommand("import", "write the config of a Hugging Face model folder");
  command->footer(
      "Examples:\n  flam import llava-1.5-7b-hf llava.yaml\n  flam infer llava.yaml scene.png --question "
      "\"what is "
      "this?\"\nEvery command that takes a CONFIG also takes the folder itself. docs/models.md lists the "
      "families.");
  command->add_option("DIR", options->folder, "folder with config.json, weights and tokenizer")->required();
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
