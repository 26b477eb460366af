#pragma once
// weights.files of a config → the slots of a store.

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

/// Which keys of a file belong to which component, through which naming table.
struct LayoutRule {
  std::string prefix;  // dropped from the key; may begin with what the file's keys are opened without
  std::string slot;    // "vision_backbone", "resampler", "adapter", "language_decoder"
  std::string naming;  // "": the component's own names
};

struct WeightsFile {
  std::string path;                 // relative to weights.root
  std::vector<LayoutRule> layout;   // tried in order; empty: SLOT.NAME, as `train` writes
  std::vector<std::string> ignore;  // patterns of keys that are expected and not used
  Location where;
};

struct FLAM_API WeightsConfig {
  std::string root;
  std::vector<WeightsFile> files;
  static WeightsConfig parse(const Value& node, ErrorList& errors);
  Value resolved() const;
};

/// Gives the naming tables of a slot ("resampler" → those of its component).
using NamingLookup = std::function<const std::vector<NamingTable>*(const std::string& slot)>;

/// Fills the store: later files override earlier ones; on the CPU at the file's own dtype the mapping is the
/// weight. Vocabulary tensors may have fewer rows (the rest take their initialiser, with a warning) or some
/// rows more (padding, which is mentioned once). What stays missing, unexpected or misshapen is one Error
/// with a list. Peak anonymous memory: the model in the run's dtype plus one tensor.
FLAM_API void load_weights(WeightStore& store, const WeightsConfig& config, const NamingLookup& namings,
                           at::Device device, at::ScalarType dtype, uint64_t seed);

}  // namespace flam
