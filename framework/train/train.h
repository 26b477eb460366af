#pragma once
#include <string>

#include "framework/distributed/group.h"
#include "framework/recipe/run_options.h"
#include "framework/train/trainer.h"

namespace flam {

/// Runs the stage of a config's `train:` map. Returns false if it was cancelled (a checkpoint is written
/// then). Error: the output exists and is not continued from a checkpoint, unless `overwrite`. All processes
/// of a `group` call it alike, and share each step; then it also is an Error if their configs differ, or if a
/// step has fewer micro-batches than there are processes.
FLAM_API bool train(const std::string& config, const RunOptions& options, const TrainHooks& hooks,
                    bool overwrite = false, Group* group = nullptr);

}  // namespace flam
