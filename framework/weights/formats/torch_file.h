#pragma once
// What all files of torch.save have in common: a pickle of a dict of tensors, which refer to storages.

#include <functional>

#include "framework/weights/formats/formats.h"
#include "framework/weights/formats/unpickler.h"

namespace flam {

/// Returns the bytes of a storage (of its view, if it has one) for the tensor `name`: as many as its elements
/// need. Throws an Error if the file does not hold them.
using StorageBytes = std::function<std::string_view(std::string_view name, const pickle::Storage& storage)>;

/// Finds the state dicts of a pickle and places their tensors in the mapping. Error: no dict of tensors, too
/// many of them, a name that occurs twice, or a tensor that reaches outside its storage.
std::unique_ptr<Checkpoint> read_state_dicts(std::shared_ptr<const MappedFile> file,
                                             const pickle::Pickle& data, const StorageBytes& storage_bytes);

}  // namespace flam
