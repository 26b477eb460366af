#pragma once
// Hashes of the files that a unit's result depends on.

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "framework/recipe/run_config.h"

namespace flam {

/// Computes hashes of files; each file is read once.
class FileHashes {
 public:
  /// The hash of a file, or those of all files in a folder, one after the other. Returns "" if there are
  /// none.
  const std::string& of(const std::filesystem::path& file);

 private:
  std::map<std::string, std::string> hashes_;
};

/// Returns this library and those of every component of a config, because results may change when one is
/// rebuilt.
std::set<std::string> libraries_of(const RunConfig& config);

}  // namespace flam
