#pragma once
#include <string>

#include "framework/recipe/run_config.h"

namespace flam {

/// The weights files of a run: those of the config, or the one that --weights names (`chosen`). Error: there
/// is none.
WeightsConfig weights_files(const RunConfig& config, const std::string& chosen);

/// What to do if a file below weights.root does not exist, for the error.
std::string missing_file_advice(const WeightsConfig& weights, const std::string& file);

/// Error: lists every weights file that does not exist, and every folder without weights. A shipped config
/// cannot know where the user keeps the weights, so this is a common mistake. `advice`: what to do, if not
/// what a run does; the file's own `if_missing` comes first.
void require_files(const WeightsConfig& weights, const std::string& advice = "");

}  // namespace flam
