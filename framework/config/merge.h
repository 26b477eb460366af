#pragma once
// Merges a config with the configs that it inherits from.

#include <filesystem>

#include "framework/config/value.h"

namespace flam {

/// Merges `over` into `base`. Maps are merged recursively; everything else is replaced. `_delete_: true` in a
/// map of `over`, or a `type:` that differs from the inherited one, drops what that map inherits. The result
/// has no `_delete_` marks from `over`.
void merge_value(Value& base, Value over);

/// Merges `over` into the value with the dotted name (`a.b.0.c`), like a file that has `config` as its base.
/// Error at `where`: there is no such place.
FLAM_API void merge_at(Value& config, const std::string& name, Value over, const Location& where);

/// Drops the `_delete_` marks of a tree that inherits nothing. Error: a mark that is neither true nor false,
/// or a `_base_`, which only the top of a file may have.
void drop_marks(Value& tree);

/// Text that begins with `${configs}/` becomes an absolute path below `root`, and `${cwd}/` one below the
/// current folder. Error: `root` is needed and empty.
void expand_configs_paths(Value& tree, const std::filesystem::path& root);

}  // namespace flam
