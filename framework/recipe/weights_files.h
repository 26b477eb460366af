#pragma once
#include <string>

#include "framework/recipe/run_config.h"

namespace flam {

/// The weights files of a run: those of the config, or the one that --weights names (`chosen`). Error: there
/// is none.
WeightsConfig weights_files(const RunConfig& config, const std::string& chosen);

/// Error: lists every weights file that does not exist. A shipped config cannot know where the user keeps the
/// weights, so this is a common mistake.
void require_files(const WeightsConfig& weights);

}  // namespace flam
