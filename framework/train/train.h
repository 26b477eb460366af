#pragma once
#include <string>

#include "framework/recipe/run_options.h"
#include "framework/train/trainer.h"

namespace flam {

/// Runs the stage of a config's `train:` map. Returns false if it was cancelled (a checkpoint is written
/// then). Error: the output exists and is not continued from a checkpoint, unless `overwrite`.
FLAM_API bool train(const std::string& config, const RunOptions& options, const TrainHooks& hooks,
                    bool overwrite = false);

}  // namespace flam
