#include "framework/recipe/run_options.h"

namespace flam {

const char* cuda_graph_name(CudaGraph choice) {
  switch (choice) {
    case CudaGraph::off:
      break;
    case CudaGraph::automatic:
      return "auto";
    case CudaGraph::on:
      return "on";
  }
  return "off";
}

std::unique_ptr<Registry> open_registry(const std::vector<std::filesystem::path>& plugin_path) {
  auto registry = std::make_unique<Registry>();
  registry->scan(plugin_search_path(plugin_path));
  return registry;
}

}  // namespace flam
