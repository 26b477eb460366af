#pragma once
// Decides which tensor of which file goes into which slot, and reports all errors, before any tensor is
// copied.

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "framework/weights/load.h"
#include "framework/weights/quantized_file.h"

namespace flam {

/// One tensor of a file.
struct Source {
  size_t file;  // index in LoadPlan::files
  std::string key;
  std::string target;  // the name under which it is assigned to the slot (an alias, for a tied tensor)
  const NameRule* rule = nullptr;  // how it is arranged; null: as it is
  size_t parts = 0;                // of the slot, if it is fused
};

/// What fills one slot: a whole tensor, or a tensor for each fused part. A part from a later file overwrites
/// that part of an earlier whole tensor.
struct Filling {
  std::optional<Source> whole;
  std::vector<std::optional<Source>> parts;
};

struct LoadPlan {
  std::vector<std::unique_ptr<Checkpoint>> files;
  std::vector<QuantizedFile> quantized;  // what each file has of them
  std::unordered_map<const WeightSlot*, Filling> fillings;
  int64_t left_out = 0;  // tensors that do not fit, and may do so

  bool is_quantized(const Source& source) const {
    return quantized[source.file].scheme(source.key) != nullptr;
  }
  /// Arranged as the component wants it.
  at::Tensor tensor(const Source& source) const;
  WeightOrigin origin(const Source& source) const {
    return {files[source.file]->file_of(source.key), source.key};
  }
};

/// Error: lists every tensor that is missing, unexpected or of the wrong shape, and every file and slot that
/// nothing is loaded for.
LoadPlan plan_loading(const WeightStore& store, const WeightsConfig& config, const NamingLookup& namings);

/// Whether `found` can fill `wanted`: equal but for dimensions of 1, or (vocabulary) fewer rows or up to 1024
/// rows more.
bool shapes_agree(at::IntArrayRef found, at::IntArrayRef wanted, bool vocabulary);

}  // namespace flam
