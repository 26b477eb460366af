#include "framework/recipe/weights_files.h"

#include <filesystem>

#include "framework/base/text.h"

namespace flam {

WeightsConfig weights_files(const RunConfig& config, const std::string& chosen) {
  if (chosen.empty()) {
    if (!config.weights.files.empty()) return config.weights;
    throw Error(
        "the config names no weights; use --weights FILE, set weights.files, or try the model with "
        "--weights random");
  }
  WeightsConfig weights;
  weights.files.push_back({std::filesystem::absolute(chosen).string(), {}, {}, {}, {}});
  return weights;
}

void require_files(const WeightsConfig& weights) {
  ErrorList errors;
  for (const WeightsFile& file : weights.files) {
    const std::filesystem::path path = std::filesystem::path(weights.root) / file.path;
    std::error_code problem;
    if (std::filesystem::exists(path, problem)) continue;
    const std::string advice = file.if_missing.empty()
                                   ? "use --set weights.root=DIR to name their folder, or --weights random "
                                     "for random weights"
                                   : file.if_missing;
    errors.add(file.where, cat("no weights file ", quoted(path.string()), "; ", advice));
  }
  errors.throw_if_any();
}

}  // namespace flam
