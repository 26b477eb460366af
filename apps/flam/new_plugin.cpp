#include "framework/commands/authoring/new_plugin.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <iostream>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"
#include "framework/recipe/paths.h"
#include "framework/recipe/run_options.h"
#include "framework/registry/registry.h"

namespace flam::cli {

namespace {

/// A path for a shell command, quoted if necessary.
std::string for_shell(const std::filesystem::path& path) {
  std::string text = path.string();
  const auto plain = [](unsigned char c) { return std::isalnum(c) || std::strchr("/._-+,:@%", c); };
  if (std::all_of(text.begin(), text.end(), plain)) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return printable(out + "'", 8192);
}

/// The folder that Flamboyance is installed in; PREFIX for the program of a build folder.
std::string install_prefix() {
  const std::filesystem::path prefix = templates_root().parent_path().parent_path().parent_path();
  std::error_code unreadable;
  const bool installed =
      std::filesystem::exists(prefix / "lib/cmake/flamboyance/flamboyanceConfig.cmake", unreadable);
  return installed ? for_shell(prefix) : "PREFIX";
}

}  // namespace

void add_new_plugin(CLI::App& app, int& status) {
  struct Options {
    std::string kind, name;
    std::filesystem::path folder;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "new-plugin", "write the skeleton of a plugin that builds and runs: source, build file, test, config");
  command->footer("Example: flam new-plugin resampler first_token");
  command->add_option("KIND", options->kind, join(component_kinds(), ", "))->required();
  command->add_option("NAME", options->name, "name of the component: letters a-z, digits and _")->required();
  command->add_option("DIR", options->folder, "folder to create, or an empty folder (default: ./NAME)");
  command->callback([options, &status] {
    const auto folder = options->folder.empty() ? std::filesystem::path(options->name) : options->folder;
    for (const auto& file : new_plugin(options->kind, options->name, folder, *open_registry({})))
      std::cout << printable(file.string(), 4096) << "\n";
    const std::string prefix = install_prefix();
    std::cerr << "Build it: cmake -S " << for_shell(folder) << " -B " << for_shell(folder / "build")
              << " -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=" << prefix << " && cmake --build "
              << for_shell(folder / "build") << "  ("
              << (prefix == "PREFIX" ? "PREFIX: where Flamboyance is installed; " : "")
              << for_shell(folder / "README.md") << " says more)\n";
    status = 0;
  });
}

}  // namespace flam::cli
