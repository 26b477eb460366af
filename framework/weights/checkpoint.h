#pragma once
// Reads files that hold tensors: safetensors (single, sharded with index), files of torch.save (.pth .pt
// .bin, zip or legacy, sharded with index), GGUF, Hugging Face folders. Tensors are views of the mapped file
// at the file's own dtype; quantised ones are decoded.

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
  /// All names, sorted. The prefixes that training adds (`module.`, `_orig_mod.`, see training_prefixes.h)
  /// are removed, and so is the name of the dict if all tensors of a pickle are in one dict.
  virtual const std::vector<std::string>& names() const = 0;
  /// The names of the dicts of a pickle that hold tensors ("model_state_dict"). Empty if its top level holds
  /// them, or for another format. If there are several, each tensor name begins with the name of its dict and
  /// a dot.
  virtual const std::vector<std::string>& wrappers() const;
  /// A view into the mapping (read-only by contract), a copy if the bytes in the file are not aligned to the
  /// size of an element, or the float32 values of quantised blocks, which are decoded at each call. Error for
  /// an unknown name.
  virtual at::Tensor tensor(const std::string& name) const = 0;
  /// The shape and dtype of tensor(), on the meta device. Error for an unknown name.
  virtual at::Tensor meta_tensor(const std::string& name) const = 0;
  /// How the values lie in the file.
  struct Stored {
    int64_t bytes = 0;
    bool is_view = true;  // whether tensor() is a view of them, not a copy
  };
  /// Error for an unknown name.
  virtual Stored stored(const std::string& name) const = 0;
  /// The file that holds it; Error for an unknown name.
  virtual std::shared_ptr<const MappedFile> file_of(const std::string& name) const = 0;
  /// The metadata of a safetensors file, or the numbers and texts of a GGUF file's metadata as texts; empty
  /// for the other formats.
  virtual std::map<std::string, std::string> metadata() const { return {}; }
};

/// Opens a checkpoint, whose format is detected from its content, not from its suffix. `path` may be a file,
/// an index (.index.json) or a folder that holds model.safetensors[.index.json] or
/// pytorch_model.bin[.index.json] (in this order).
FLAM_API std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& path);

/// Writes a safetensors file under a temporary name and renames it. Tensors are made contiguous on the CPU
/// one at a time.
FLAM_API void write_safetensors(const std::filesystem::path& path,
                                const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                                const std::map<std::string, std::string>& metadata = {});

}  // namespace flam
