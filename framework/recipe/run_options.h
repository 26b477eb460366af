#pragma once
// The options with which a command opens a config, and the registry of all plugins on the search path.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

struct RunConfig;
class TaskHead;

/// Whether decode steps are recorded and repeated as CUDA graphs. automatic: where enough steps follow, or
/// requests of the same size have come before.
enum class CudaGraph { off, automatic, on };
FLAM_API const char* cuda_graph_name(CudaGraph choice);

/// The options with which a command opens a config.
struct RunOptions {
  std::vector<std::string> overrides;              // `--set` assignments
  std::vector<std::filesystem::path> plugin_path;  // searched first
  std::string weights;         // "" for the config's, "random", or a file that replaces the config's list
  std::string device = "cpu";  // auto, cpu, cuda, cuda:N
  std::string dtype = "auto";  // float32, bfloat16, float16; auto: the config's
  std::string quantize;        // int8, int4, int4:GROUP_SIZE or none; "": the config's weights.quantize
  CudaGraph cuda_graph = CudaGraph::off;
  int threads = 0;            // of a session's calls on the CPU; 0: libtorch's number when it is opened
  uint64_t weights_seed = 0;  // of random weights
  bool hash_weights = false;  // take the SHA-256 of the weights' files when they are loaded, for a receipt
  std::string feature_cache;  // folder in which features of pictures are kept beyond the run; "": none
  int64_t feature_cache_bytes = 10'000'000'000;              // most that its files may have
  std::function<void(int64_t done, int64_t total)> loading;  // called after each tensor of the model
  /// Called once all components are built, and before files of the model are looked for. An Error that it
  /// throws ends the opening, so that a wrong option costs no loading. The head is null if there is none.
  std::function<void(const RunConfig& config, const TaskHead* head)> before_loading;
};

/// Opens the registry of every plugin library on the search path.
FLAM_API std::unique_ptr<Registry> open_registry(const std::vector<std::filesystem::path>& plugin_path);

}  // namespace flam
