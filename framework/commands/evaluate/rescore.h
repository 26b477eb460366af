#pragma once
// Scores of stored predictions, without a model.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/commands/evaluate/evaluation.h"

namespace flam {

struct RescoreOptions {
  std::vector<std::string> overrides;              // `--set metrics=…`: other metrics than the run's
  std::vector<std::filesystem::path> plugin_path;  // searched first
  int64_t resamples = 1000;                        // of confidence intervals and tests; 0: none
};

/// Scores the predictions in a folder that `flam evaluate --output` wrote. Neither the model nor the dataset
/// is opened: a prediction holds its references. Error: the folder has no complete run, or the metrics can't
/// be built.
FLAM_API Evaluation rescore(const std::string& folder, const RescoreOptions& options);

/// Two runs over the same records.
struct RunComparison {
  int64_t records = 0;  // that both runs answered
  int64_t failed = 0;   // that one of them could not answer; they are left out
  std::vector<PairedTest> tests;
};

/// Tests whether two runs have different scores, with the metrics of the first. Error: one of them has
/// records that the other lacks, or none of the metrics can score selections.
FLAM_API RunComparison compare_runs(const std::string& a, const std::string& b,
                                    const RescoreOptions& options);

}  // namespace flam
