#pragma once
// From files to one tree: read, _base_, merge, --set, print.

#include <filesystem>
#include <string>
#include <vector>

#include "framework/config/value.h"

namespace flam {

/// The places of values from the command line begin with this; paths in them are relative to the current
/// folder.
inline constexpr std::string_view kOverridePlace = "--set ";
/// The maximum size of a config file.
inline constexpr size_t kMaxYamlBytes = size_t{16} << 20;

/// Parses one YAML document. Errors carry file:line:column. Duplicate keys, several documents, tags, and
/// anything that is not plain YAML 1.2 core data are errors; `yes`/`no`/`on`/`off` and `012` are text and an
/// error respectively (see docs/config.md); anchors, aliases and `<<` merge within limits (depth 64, 100,000
/// nodes, 16 MiB). An empty text is null.
FLAM_API Value parse_yaml(const std::string& text, const std::string& file_name);

/// Reads CONFIG with its `_base_` files and merges: maps deeply, lists replace, `_delete_: true` drops what
/// was inherited, a changed `type:` drops the inherited siblings. The same key from two bases is an error;
/// cycles and missing bases are reported with the chain of files. Text that begins with `${configs}/` becomes
/// a path below `configs_root`, and `${cwd}/` one below the current folder.
FLAM_API Value load_config(const std::filesystem::path& path, const std::filesystem::path& configs_root = {});

/// Applies `a.b.0.c=VALUE` (VALUE is YAML) like a file that has `config` as its base: keys are created or
/// replaced, maps are merged, and list elements are named by index. Location: "--set".
FLAM_API void apply_override(Value& config, const std::string& assignment,
                             const std::filesystem::path& configs_root = {});

/// The opposite of what load_config does to paths: absolute paths below `configs_root` become `${configs}/…`.
FLAM_API void shorten_configs_paths(Value& config, const std::filesystem::path& configs_root);

/// Copies the places of the values in `from` to their counterparts in `to`, so that a resolved tree says
/// where each value was written. Values without a counterpart (defaults) get no place.
FLAM_API void adopt_places(Value& to, const Value& from);

/// The file of a model name (the stem of a file below `configs_root` outside `_base_` and `experiments`), or
/// of a path. Error if there is none; it lists similar names. `what` is for messages: "no config named …".
FLAM_API std::filesystem::path find_config(const std::string& name_or_path,
                                           const std::filesystem::path& configs_root,
                                           const char* what = "config");
/// Every model name below `configs_root` with its file, sorted.
FLAM_API std::vector<std::pair<std::string, std::filesystem::path>> list_configs(
    const std::filesystem::path& configs_root);

struct WriteOptions {
  bool origins = false;  // "# file:line" at the end of lines, "# default" for values without a place
};
/// YAML that parses back to an equal tree. Error: text that is not UTF-8.
FLAM_API std::string write_yaml(const Value& value, const WriteOptions& options = {});
/// JSON in one line; numbers that JSON lacks (.inf, .nan) become null.
FLAM_API std::string write_json(const Value& value);

}  // namespace flam
