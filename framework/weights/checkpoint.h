#pragma once
// Files that hold tensors: safetensors (single, sharded with index), torch zip files (.pth .pt .bin, sharded
// with index), Hugging Face folders. Tensors are views of the mapped file at the file's own dtype.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/error.h"

namespace flam {

class MappedFile;

class FLAM_API Checkpoint {
 public:
  virtual ~Checkpoint();
  /// Every key, sorted, without what training puts before names (`module.`, `_orig_mod.`, see
  /// training_prefixes.h) and without the name of the one dict that a pickle holds its tensors in.
  virtual const std::vector<std::string>& names() const = 0;
  /// The dicts of a pickle that hold the tensors ("model_state_dict"); none: its top level, or another
  /// format. Of several, each key begins with the name of its own and a dot.
  virtual const std::vector<std::string>& wrappers() const;
  /// A view into the mapping (read-only by contract); Error for an unknown name.
  virtual at::Tensor tensor(const std::string& name) const = 0;
  /// The file that holds it; Error for an unknown name.
  virtual std::shared_ptr<const MappedFile> file_of(const std::string& name) const = 0;
  /// Texts that a safetensors file carries; empty for the other formats.
  virtual std::map<std::string, std::string> metadata() const { return {}; }
};

/// Opens by content, not by suffix. `path` may be a file, an index (.index.json) or a folder that holds
/// model.safetensors[.index.json] or pytorch_model.bin[.index.json] (in this order).
FLAM_API std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& path);

/// Writes a safetensors file (aside, then renamed). Tensors are made contiguous on the CPU one at a time.
FLAM_API void write_safetensors(const std::filesystem::path& path,
                                const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                                const std::map<std::string, std::string>& metadata = {});

}  // namespace flam
