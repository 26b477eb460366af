#pragma once
// Training wraps modules in others, which put their own names before those of the weights.

#include <memory>
#include <string>

#include "framework/weights/checkpoint.h"

namespace flam {

/// `name` without them: `_orig_mod.` (torch.compile), `_fsdp_wrapped_module.` and
/// `_checkpoint_wrapped_module.` (torch's FSDP and activation checkpointing), `_forward_module.` (Lightning)
/// wherever they stand, then `module.` (DataParallel, DistributedDataParallel, DeepSpeed) at its start.
std::string without_training_prefixes(std::string name);

/// The same tensors under names without them; `module.` is left out where every name (in a pickle of several
/// dicts: of one of them) begins with it. The names of
/// the file keep working. Should two names become equal, all stay as they are.
std::unique_ptr<Checkpoint> without_training_prefixes(std::unique_ptr<Checkpoint> file);

}  // namespace flam
