#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

/// Writes the skeleton of a plugin into `folder`, which is made: the files of templates_root()/common and
/// templates_root()/KIND, in which `my_kind`, `my_component` and `MyComponent` stand for the kind and the
/// name. Returns what was written. Error: no such kind, a name that is no identifier or that `registry` has,
/// a folder that holds something.
FLAM_API std::vector<std::filesystem::path> new_plugin(const std::string& kind, const std::string& name,
                                                       const std::filesystem::path& folder,
                                                       const Registry& registry);

}  // namespace flam
