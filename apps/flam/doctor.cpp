#include <ATen/Parallel.h>

#include <iostream>
#include <thread>

#include "apps/flam/commands.h"
#include "apps/flam/common.h"
#include "framework/base/text.h"
#include "framework/config/config.h"
#include "framework/device/device.h"
#include "framework/recipe/paths.h"

namespace flam::cli {

namespace {

int doctor(const std::vector<std::filesystem::path>& plugin_path) {
  std::cout << "flamboyance " << FLAM_VERSION << ", libtorch " << FLAM_TORCH_VERSION << "\n";
  std::cout << "cpu: " << std::thread::hardware_concurrency() << " cores, " << at::get_num_threads()
            << " threads used\n";
  const std::vector<std::string> cuda = cuda_report();
  std::cout << "cuda: " << cuda.front() << "\n";
  for (size_t i = 1; i < cuda.size(); ++i) std::cout << "  " << cuda[i] << "\n";
  std::cout << "configs: " << printable(configs_root().string(), 4096) << "\n";
  for (const auto& folder : plugin_search_path(plugin_path))
    std::cout << "plugin folder: " << printable(folder.string(), 4096) << "\n";

  int bad = 0;
  Registry registry;
  for (const auto& library : find_libraries(plugin_search_path(plugin_path))) {
    std::cout << "  " << printable(library.path.filename().string()) << ": ";
    if (!library.shadowed_by.empty()) {
      std::cout << "shadowed by " << printable(library.shadowed_by.string(), 4096) << "\n";
      continue;
    }
    try {
      registry.load(library.path);
      std::cout << "loads\n";
    } catch (const Error& error) {
      std::cout << "does not load: " << error.what() << "\n";
      ++bad;
    }
  }
  const auto configs = open_registry(plugin_path);
  for (const auto& [name, file] : list_configs(configs_root())) {
    std::cout << "config " << name << ": ";
    try {
      RunConfig::parse(load_config(file, configs_root()), *configs);
      std::cout << "ok\n";
    } catch (const Error& error) {
      std::cout << error.what() << "\n";
      ++bad;
    }
  }
  std::cout << (bad == 0 ? "all is well\n" : cat(bad, bad == 1 ? " problem\n" : " problems\n"));
  return bad == 0 ? 0 : 1;
}

}  // namespace

void add_doctor(CLI::App& app, int& status) {
  auto plugin_path = std::make_shared<std::vector<std::filesystem::path>>();
  CLI::App* command = app.add_subcommand(
      "doctor", "check the installation: devices, plugins and configs, and why one does not work");
  command->footer("Example: flam doctor");
  add_plugin_path(*command, *plugin_path);
  command->callback([plugin_path, &status] { status = doctor(*plugin_path); });
}

}  // namespace flam::cli
