#pragma once
#include <string>

#include "framework/base/export.h"

namespace flam {

/// Error: the kind is neither one of component_kinds() nor step_graph, or the name is not 1 to 64 characters
/// of a-z, 0-9 and _.
FLAM_API void check_kind_and_name(const std::string& kind, const std::string& name);

}  // namespace flam
