#pragma once
// The part of `flam describe` about the memory that a run needs.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "framework/model/memory_need.h"
#include "framework/recipe/run_config.h"

namespace flam {

struct MemoryOptions {
  std::string weights;  // as in RunOptions
  std::string dtype = "auto";
  int64_t batch_size = 1, prompt_tokens = 32, images = 1;
  std::optional<int64_t> num_beams, new_tokens;  // of the config unless given
};

struct MemoryDescription {
  RunSize size;
  std::string dtype;
  bool from_files = false;  // the weights' files exist, so it is known what is mapped
  MemoryNeed need;
  std::string problem;  // why a component can't be run on the meta device, so that `need` is empty; else ""
};

/// Predicts the peak of a run. Pictures are cut into the largest number of crops. Error: as memory_need(),
/// but not if a component fails.
FLAM_API MemoryDescription describe_memory(const RunConfig& config, const Registry& registry,
                                           const MemoryOptions& options);
FLAM_API std::string memory_text(const MemoryDescription& description);
FLAM_API nlohmann::ordered_json memory_json(const MemoryDescription& description);

}  // namespace flam
