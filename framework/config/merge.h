#pragma once
// How a config and what it inherits become one tree.

#include <filesystem>

#include "framework/config/value.h"

namespace flam {

/// Lays `over` onto `base`. Maps merge deeply; everything else replaces. `_delete_: true` in a map of `over`,
/// or a `type:` that differs from the inherited one, drops what that map inherits. No `_delete_` stays in
/// what was laid on.
void merge_value(Value& base, Value over);

/// Lays `over` onto what the dotted name (`a.b.0.c`) reaches, as a file would that has `config` for its base.
/// Error at `where`: a name that can't be reached.
FLAM_API void merge_at(Value& config, const std::string& name, Value over, const Location& where);

/// Drops the `_delete_` marks of a tree that inherits nothing. Error: a mark that is neither true nor false,
/// or a `_base_`, which only the top of a file may have.
void drop_marks(Value& tree);

/// Text that begins with `${configs}/` becomes an absolute path below `root`. Error: `root` is empty.
void expand_configs_paths(Value& tree, const std::filesystem::path& root);

}  // namespace flam
