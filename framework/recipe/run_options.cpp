#include "framework/recipe/run_options.h"

namespace flam {

std::unique_ptr<Registry> open_registry(const std::vector<std::filesystem::path>& plugin_path) {
  auto registry = std::make_unique<Registry>();
  registry->scan(plugin_search_path(plugin_path));
  return registry;
}

}  // namespace flam
