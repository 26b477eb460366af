#pragma once
// Files that `flam quantize` writes: safetensors in which the values of a quantised matrix NAME are the
// tensor NAME, and its scales are NAME.scales. The metadata name the version of this and the scheme of each
// matrix.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "framework/weights/checkpoint.h"
#include "framework/weights/quantized_matrix.h"
#include "framework/weights/weight_store.h"

namespace flam {

/// The quantised matrices of a file.
class FLAM_API QuantizedFile {
 public:
  QuantizedFile() = default;
  /// Has no matrix if `flam quantize` did not write the file. Error: the version is unknown, the metadata are
  /// malformed, or a matrix lacks its scales or has other types or shapes than its scheme needs.
  static QuantizedFile read(const Checkpoint& file);

  bool empty() const { return schemes_.empty(); }
  bool is_scales(const std::string& key) const;
  const QuantScheme* scheme(const std::string& key) const;  // null: the key is no quantised matrix
  /// Rows and columns of a quantised matrix.
  std::vector<int64_t> shape(const Checkpoint& file, const std::string& key) const;
  /// Views of the mapped file.
  QuantizedMatrix matrix(const Checkpoint& file, const std::string& key) const;

 private:
  std::map<std::string, QuantScheme> schemes_;
};

/// The tensors of a file for these slots, and the metadata that say which of them are quantised.
struct QuantizedTensors {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  std::map<std::string, std::string> metadata;
};
FLAM_API QuantizedTensors quantized_tensors(const WeightStore& store);

}  // namespace flam
