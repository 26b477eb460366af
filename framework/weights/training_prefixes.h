#pragma once
// Removes the prefixes that wrappers used in training put before the names of weights.

#include <memory>
#include <string>

#include "framework/weights/checkpoint.h"

namespace flam {

/// Returns `name` without these prefixes: `_orig_mod.` (torch.compile), `_fsdp_wrapped_module.` and
/// `_checkpoint_wrapped_module.` (torch's FSDP and activation checkpointing), `_forward_module.` (Lightning)
/// anywhere, then `module.` (DataParallel, DistributedDataParallel, DeepSpeed) at its start.
std::string without_training_prefixes(std::string name);

/// Returns the same tensors under names without these prefixes. `module.` is removed if every name begins
/// with it (in a pickle of several dicts, every name of one dict). tensor() and file_of() also accept the
/// original names. If two names would become equal, all names stay unchanged.
std::unique_ptr<Checkpoint> without_training_prefixes(std::unique_ptr<Checkpoint> file);

}  // namespace flam
