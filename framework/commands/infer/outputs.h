#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "framework/session/session.h"

namespace flam {

/// The files that a run will write, kept from destroying what it reads or each other. Asked before anything
/// is put in place.
class Outputs {
 public:
  /// `option` for messages: "--receipt". An empty path is none. Error: another option names the same file.
  void add(const char* option, const std::string& path);
  /// Error: an output is this file.
  void keep(const std::filesystem::path& input) const;
  /// The same for the pictures of a request.
  void keep(const Request& request) const;
  /// And for the configs, weights and the tokenizer of a session.
  void keep(const Session& session) const;

 private:
  std::vector<std::pair<const char*, std::filesystem::path>> outputs_;
};

}  // namespace flam
