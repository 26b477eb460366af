#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/run/inspect.h"

namespace flam::cli {

void add_inspect(CLI::App& app, int& status) {
  struct Options {
    std::string what;
    std::vector<std::filesystem::path> plugin_path;
    bool json = false, markdown = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("inspect", "a component or a plugin file: origin, stamp, parameters, shapes");
  command->footer(
      "Examples:\n  flam inspect perceiver\n  flam inspect resampler/perceiver\n  flam inspect "
      "build/libflam_my_backbone.so");
  command->add_option("NAME|FILE", options->what, "NAME, KIND/NAME, or a plugin library")->required();
  CLI::Option* json = command->add_flag("--json", options->json, "as JSON");
  command->add_flag("--markdown", options->markdown, "as the page of the docs")->excludes(json);
  add_plugin_path(*command, options->plugin_path);
  command->callback([options, &status] {
    const auto registry = open_registry(options->plugin_path);
    for (const ComponentPage& page : inspect(options->what, *registry)) {
      if (options->json) {
        std::cout << page_json(page).dump() << "\n";
      } else {
        std::cout << (options->markdown ? page_markdown(page) : page_text(page));
      }
    }
    status = 0;
  });
}

}  // namespace flam::cli
