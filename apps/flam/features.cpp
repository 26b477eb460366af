#include "framework/commands/features/features.h"

#include <iostream>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "apps/flam/launched.h"
#include "apps/flam/progress.h"
#include "framework/base/text.h"

namespace flam::cli {

void add_features(CLI::App& app, int& status) {
  auto options = std::make_shared<FeaturesOptions>();
  CLI::App* command =
      app.add_subcommand("features", "write the backbone's features of pictures to a file, for training");
  command->footer(
      "Example: flam features flamingo_mini_caption docs/images --output features.safetensors\n"
      "A picture that can't be read is left out and counted; the exit status is then 1.");
  command->add_option("CONFIG", options->config, "model name or config file")->required();
  command
      ->add_option("IMAGE", options->images,
                   "picture files, folders, or - to read one picture from standard input")
      ->required();
  command->add_flag("--recursive", options->recursive, "also read the subfolders of folders");
  command
      ->add_option(
          "--output", options->output,
          "file to write: the tensor `features` [pictures, tokens, width], and the pictures' paths in "
          "its metadata")
      ->type_name("FILE.safetensors")
      ->required()
      ->check(not_empty());
  command
      ->add_option("--dtype", options->run.dtype,
                   "type of the numbers in the file; the backbone computes in float32")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "float16"}))
      ->capture_default_str();
  add_batch_size(*command, options->batch_size, "pictures computed together");
  add_set(*command, options->run.overrides);
  add_plugin_path(*command, options->run.plugin_path);
  add_weights(*command, options->run);
  add_device(*command, options->run);
  add_threads(*command, options->run);
  command->callback([options, &status] {
    require_one_process("features");
    Progress progress("features");
    FeaturesHooks hooks;
    hooks.progress = [&](int64_t done, int64_t total) { progress.update(done, total); };
    hooks.failed = [&](const std::string& id, const std::string& error) {
      progress.clear();
      std::cerr << "error: " << printable(id, 4096) << ": " << error << "\n";
    };
    hooks.left_out = [&](const std::string& summary) {
      progress.clear();
      std::cerr << summary << "\n";
    };
    hooks.cancelled = interrupted;
    const FeaturesReport report = write_features(*options, hooks);
    progress.clear();
    const auto pictures = [](int64_t count) { return cat(count, count == 1 ? " picture" : " pictures"); };
    std::cerr << "features of " << pictures(report.done) << " in " << printable(options->output, 4096)
              << "\n";
    if (report.failed > 0) std::cerr << "left out " << pictures(report.failed) << " that can't be read\n";
    status = report.failed > 0 ? 1 : 0;
  });
}

}  // namespace flam::cli
