#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "framework/recipe/run_config.h"

namespace flam {

/// The files that a run will write. Its checks make sure, before anything is written, that no output
/// overwrites an input or another output.
class FLAM_API Outputs {
 public:
  enum class Content { any, html, svg, receipt, trace };

  /// Adds an output. `option` is used in messages, such as "--receipt". An empty path is ignored. Error:
  /// another option names the same file.
  void add(const std::string& option, const std::string& path, Content content = Content::any);
  /// Adds a safetensors file with these keys of metadata, which tell it from files that others wrote.
  void add_safetensors(const std::string& option, const std::string& path, std::vector<std::string> metadata);
  /// Error: an output would replace a file of other content: one that does not begin as the output's content
  /// does, or a safetensors file without the output's keys of metadata. Error, too: an output is a folder.
  void keep_other_content() const;
  /// Error: an output would overwrite this file.
  void keep(const std::filesystem::path& input) const;
  /// Error: an output would overwrite a file that a weights path may stand for. For a folder or a shard index
  /// these are all files in its folder.
  void keep_weights(const std::filesystem::path& path) const;
  /// Error: an output would overwrite a picture of the request.
  void keep(const Request& request) const;
  /// Error: an output would overwrite a config or tokenizer file of the run.
  void keep(const RunConfig& config) const;
  /// Error: an output would overwrite a config, tokenizer file or weights file of the run. `chosen` is the
  /// value of --weights.
  void keep(const RunConfig& config, const std::string& chosen) const;

 private:
  struct Output {
    std::string option;
    std::filesystem::path path;
    Content content;
    std::vector<std::string> metadata;  // of a safetensors file; empty: it is none
  };
  void add(Output output, const std::string& path);
  std::vector<Output> outputs_;
};

/// Error: the output exists, and it is not to be overwritten.
FLAM_API void require_overwrite(const std::string& output, bool overwrite);

}  // namespace flam
