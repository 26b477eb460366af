#include "framework/commands/features/backbone_weights.h"

#include "framework/base/text.h"
#include "framework/recipe/weights_files.h"
#include "framework/weights/layout.h"
#include "framework/weights/weight_memory.h"

namespace flam {

namespace {

/// Adds to `file.ignore` every key that is not the backbone's.
void ignore_others(WeightsFile& file, const std::string& root, const WeightStore& store,
                   const NamingLookup& namings) {
  std::unique_ptr<Checkpoint> opened;
  try {
    opened = open_checkpoint(std::filesystem::path(root) / file.path);
  } catch (const Error& error) {
    throw Error(file.where, error.what());
  }
  std::vector<std::string> others;
  const Layout layout(file, *opened, store, namings);
  for (const std::string& key : opened->names()) {
    if (!layout.leaves_out(key) && layout.targets_of(key).empty()) others.push_back(key);
  }
  file.ignore.insert(file.ignore.end(), others.begin(), others.end());
}

}  // namespace

void load_backbone(const RunConfig& config, const RunOptions& options, const VisionBackbone& backbone,
                   at::Device device, WeightStore& store) {
  if (options.weights == "random") {
    require_memory_for_weights(store, nullptr, {}, device, at::kFloat);
    return store.initialise(device, at::kFloat, options.weights_seed);
  }
  const NamingLookup namings = [&](const std::string& slot) {
    return slot == VisionBackbone::kKind ? &backbone.naming_tables() : nullptr;
  };
  WeightsConfig weights = weights_files(config, options.weights);
  std::erase_if(weights.files, [](WeightsFile& file) {
    const bool by_slot = file.layout.empty();
    std::erase_if(file.layout, [](const LayoutRule& rule) { return rule.slot != VisionBackbone::kKind; });
    return !by_slot && file.layout.empty();
  });
  if (weights.files.empty()) {
    throw Error(cat("no file of the config's weights.files has a layout for the slot ",
                    quoted(VisionBackbone::kKind), "; add the file with the backbone's weights"));
  }
  require_files(weights);
  for (WeightsFile& file : weights.files) ignore_others(file, weights.root, store, namings);
  require_memory_for_weights(store, &weights, namings, device, at::kFloat);
  load_weights(store, weights, namings, device, at::kFloat, options.weights_seed);
}

}  // namespace flam
