#pragma once
// The command `flam features`: runs the backbone alone, and writes the features of pictures to a file, for
// example to train in feature space (docs/training.md).

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "framework/recipe/run_options.h"

namespace flam {

struct FeaturesOptions {
  std::string config;
  std::vector<std::string> images;  // files, folders, "-": the bytes of one picture on standard input
  bool recursive = false;           // also search subfolders
  RunOptions run;                   // the dtype is that of the file; the backbone computes in float32
  std::string output;               // safetensors file
  int64_t batch_size = 16;
};

struct FeaturesHooks {
  std::function<void(int64_t done, int64_t total)> progress;
  std::function<void(const std::string& id, const std::string& error)> failed;  // a picture that is left out
  std::function<void(const std::string& summary)> left_out;  // what the folders contain besides pictures
  std::function<bool()> cancelled;
};

struct FeaturesReport {
  int64_t done = 0;    // pictures in the file
  int64_t failed = 0;  // pictures that can't be read
};

/// Writes `features` [N,P,D] of the N pictures that can be read. The metadata hold their ids (paths) as a
/// JSON list, the grid, the number of prefix tokens, and the backbone's parameters. Of the config's weights
/// files, only the backbone's tensors are read. All features are in memory until the file is written, at the
/// end twice. Error: an option is invalid, the output is a file that is read, or no picture can be read.
/// RunError: a feature is too large for the dtype. Interrupted: hooks.cancelled returned true; nothing is
/// written.
FLAM_API FeaturesReport write_features(const FeaturesOptions& options, const FeaturesHooks& hooks);

}  // namespace flam
