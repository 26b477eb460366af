#pragma once
// Whether a batch fits into the host's memory, before it is run. On a device, its allocator says so itself.

#include "framework/model/model.h"

namespace flam {

/// OutOfMemory: the keys and values of the prompts are more than can be allocated; of several prompts, also
/// those of the new tokens. (One prompt alone may end before it has used its room.)
void require_memory_for_batch(const Model& model, const Batch& batch, int64_t beams, int64_t max_new_tokens);

/// OutOfMemory: the features of so many crops, which are held twice, are more than can be allocated.
void require_memory_for_features(const Model& model, int64_t crops);

}  // namespace flam
