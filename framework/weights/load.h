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
#include "framework/weights/quantize_config.h"
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
  QuantizeConfig quantize;
  // These are not keys of configs:
  bool may_lack = false;              // tensors that no file has get their initial values
  bool may_not_fit = false;           // tensors that the model lacks or has in another shape are left out
  bool writable = false;              // weights are copies, never the mapped file itself
  bool must_be_used = false;          // a file, or a slot of its layout, that gives nothing is an error
  std::vector<std::string> patterns;  // which tensors of the model are taken from files; empty: all
  static WeightsConfig parse(const Value& node, ErrorList& errors);
  /// From a list of paths and of files as in `weights.files`, with paths relative to the folder of the file
  /// that holds the list. `name` is for messages.
  static WeightsConfig parse_list(const Value& list, const char* name, ErrorList& errors);
  Value resolved() const;
  /// The opposite of parse_list(), with absolute paths.
  Value resolved_list() const;
  std::filesystem::path path_of(const WeightsFile& file) const;
};

struct LoadReport {
  int64_t left_out = 0;  // tensors of files, because of `may_not_fit`
};

/// Returns the naming tables of the component in a slot, such as "resampler"; null for an unknown slot.
using NamingLookup = std::function<const std::vector<NamingTable>*(const std::string& slot)>;

/// Fills the store. Later files override earlier ones. On the CPU with the file's own dtype, the mapped file
/// itself is the weight. Vocabulary tensors may have fewer rows (the rest get initial values, with a warning)
/// or up to 1024 more rows (padding, which is logged once). Error: lists all tensors that are missing,
/// unexpected or of the wrong shape; with must_be_used, also files and slots of layouts that nothing is
/// loaded for. Peak anonymous memory: the model in the run's dtype plus one tensor.
FLAM_API LoadReport load_weights(WeightStore& store, const WeightsConfig& config, const NamingLookup& namings,
                                 at::Device device, at::ScalarType dtype, uint64_t seed);

/// Sets the schemes of the slots for which the files have matrices that are quantised already, as
/// load_weights() does. Returns whether there are any. Error: as in load_weights().
FLAM_API bool take_schemes(WeightStore& store, const WeightsConfig& config, const NamingLookup& namings);

}  // namespace flam
