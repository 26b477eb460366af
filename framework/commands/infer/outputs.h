#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "framework/session/session.h"

namespace flam {

/// The files that a run will write. Its checks make sure, before anything is written, that no output
/// overwrites an input or another output.
class Outputs {
 public:
  /// Adds an output. `option` is used in messages, such as "--receipt". An empty path is ignored. Error:
  /// another option names the same file.
  void add(const char* option, const std::string& path);
  /// Error: an output would overwrite this file.
  void keep(const std::filesystem::path& input) const;
  /// Error: an output would overwrite a picture of the request.
  void keep(const Request& request) const;
  /// Error: an output would overwrite a config, weights file or tokenizer file of the session.
  void keep(const Session& session) const;

 private:
  std::vector<std::pair<const char*, std::filesystem::path>> outputs_;
};

}  // namespace flam
