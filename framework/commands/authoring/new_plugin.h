#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "framework/registry/registry.h"

namespace flam {

/// Writes the skeleton of a plugin into `folder`, which is created if it does not exist. The skeleton is the
/// files of templates_root()/common and templates_root()/KIND, in which `my_kind`, `my_component` and
/// `MyComponent` are replaced by the kind and the name. Returns the written files. Error: the kind is
/// unknown, the name is not an identifier or is already in `registry`, or the folder is not empty.
FLAM_API std::vector<std::filesystem::path> new_plugin(const std::string& kind, const std::string& name,
                                                       const std::filesystem::path& folder,
                                                       const Registry& registry);

}  // namespace flam
