#pragma once
#include <string>

#include "framework/base/export.h"

namespace flam {

/// Error: the kind is neither one of component_kinds() nor step_graph, or the name is no plain identifier.
FLAM_API void check_kind_and_name(const std::string& kind, const std::string& name);

}  // namespace flam
