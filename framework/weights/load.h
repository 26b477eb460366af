#pragma once
// Loads the files of a config's `weights.files` into the slots of a store.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/params/params.h"
#include "framework/weights/checkpoint.h"
#include "framework/weights/naming.h"
#include "framework/weights/weight_store.h"

namespace flam {

/// Assigns keys of a file to a component through a naming table.
struct LayoutRule {
  std::string prefix;  // removed from the key; may begin with a dict's name or training prefix, which the
                       // opened file's names lack
  std::string slot;    // "vision_backbone", "resampler", "adapter", "language_decoder"
  std::string naming;  // "": the component's own names
};

struct WeightsFile {
  std::string path;                 // relative to weights.root
  std::vector<LayoutRule> layout;   // tried in order; empty: SLOT.NAME, as `train` writes
  std::vector<std::string> ignore;  // patterns of keys that are expected and not used
  Location where;
  std::string if_missing;  // what to do then, for the error
};

struct FLAM_API WeightsConfig {
  std::string root;
  std::vector<WeightsFile> files;
  bool may_lack = false;  // tensors that no file has get their initial values; not a key of configs
  static WeightsConfig parse(const Value& node, ErrorList& errors);
  Value resolved() const;
};

/// Returns the naming tables of the component in a slot, such as "resampler"; null for an unknown slot.
using NamingLookup = std::function<const std::vector<NamingTable>*(const std::string& slot)>;

/// Fills the store. Later files override earlier ones. On the CPU with the file's own dtype, the mapped file
/// itself is the weight. Vocabulary tensors may have fewer rows (the rest get initial values, with a warning)
/// or up to 1024 more rows (padding, which is logged once). Error: lists all tensors that are missing,
/// unexpected or of the wrong shape. Peak anonymous memory: the model in the run's dtype plus one tensor.
FLAM_API void load_weights(WeightStore& store, const WeightsConfig& config, const NamingLookup& namings,
                           at::Device device, at::ScalarType dtype, uint64_t seed);

}  // namespace flam
