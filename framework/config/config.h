#pragma once
// From files to one tree: read, _base_, merge, --set, print.

#include <filesystem>
#include <string>
#include <vector>

#include "framework/config/value.h"

namespace flam {

/// Parses one YAML document. Errors carry file:line:column. Duplicate keys, several documents, tags, and anything that is
/// not plain YAML 1.2 core data are errors; `yes`/`no`/`on`/`off` and `012` are text and an error respectively (see
/// docs/config.md); anchors, aliases and `<<` merge within limits (depth 64, 100,000 nodes, 16 MiB).
FLAM_API Value parse_yaml(const std::string& text, const std::string& file_name);

/// Reads CONFIG with its `_base_` files and merges: maps deeply, lists replace, `_delete_: true` drops what was inherited,
/// a changed `type:` drops the inherited siblings. The same key from two bases is an error; cycles and missing bases are
/// reported with the chain of files.
FLAM_API Value load_config(const std::filesystem::path& path);

/// Applies `a.b.0.c=VALUE` (VALUE is YAML; keys are created, list elements replaced by index). Location: "--set".
FLAM_API void apply_override(Value& config, const std::string& assignment);

/// The file of a model name (the stem of a file below `configs_root` outside `_base_`), or of a path. Unknown names list
/// what is near.
FLAM_API std::filesystem::path find_config(const std::string& name_or_path, const std::filesystem::path& configs_root);
/// Every model name below `configs_root` with its file, sorted.
FLAM_API std::vector<std::pair<std::string, std::filesystem::path>> list_configs(const std::filesystem::path& configs_root);

struct WriteOptions {
  bool origins = false;  // "# file:line" comments
};
/// YAML that parses back to an equal tree.
FLAM_API std::string write_yaml(const Value& value, const WriteOptions& options = {});
FLAM_API std::string write_json(const Value& value);  // one line

}  // namespace flam
