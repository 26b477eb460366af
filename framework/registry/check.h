#pragma once
#include <string>

namespace flam {

/// Error: the kind is not one of component_kinds(), or the name is no plain identifier.
void check_kind_and_name(const std::string& kind, const std::string& name);

}  // namespace flam
