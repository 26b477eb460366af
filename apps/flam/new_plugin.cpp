#include "framework/run/new_plugin.h"

#include <iostream>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"
#include "framework/registry/registry.h"
#include "framework/run/session.h"

namespace flam::cli {

void add_new_plugin(CLI::App& app, int& status) {
  struct Options {
    std::string kind, name;
    std::filesystem::path folder;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "new-plugin", "the skeleton of a plugin: source, build, test, config; it builds as it is");
  command->footer("Example: flam new-plugin resampler first_token");
  command->add_option("KIND", options->kind, join(component_kinds(), ", "))->required();
  command->add_option("NAME", options->name, "of the component: letters a-z, digits and _")->required();
  command->add_option("DIR", options->folder, "folder to make for it, or an empty one (default: ./NAME)");
  command->callback([options, &status] {
    const auto folder = options->folder.empty() ? std::filesystem::path(options->name) : options->folder;
    for (const auto& file : new_plugin(options->kind, options->name, folder, *open_registry({})))
      std::cout << file.string() << "\n";
    std::cerr << "Build it: cmake -S " << folder.string() << " -B " << (folder / "build").string()
              << " -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=PREFIX && cmake --build "
              << (folder / "build").string() << "  (PREFIX: where Flamboyance is installed; "
              << (folder / "README.md").string() << " says more)\n";
    status = 0;
  });
}

}  // namespace flam::cli
