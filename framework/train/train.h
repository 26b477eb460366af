#pragma once
#include <string>

#include "framework/recipe/run_options.h"
#include "framework/train/trainer.h"

namespace flam {

/// Runs the stage of a config's `train:` map. Returns false if it was cancelled (a checkpoint is written
/// then).
FLAM_API bool train(const std::string& config, const RunOptions& options, const TrainHooks& hooks);

}  // namespace flam
