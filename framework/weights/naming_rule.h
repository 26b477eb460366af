#pragma once
#include "framework/weights/naming.h"

namespace flam {

/// Whether a rule matches `key`; `out` is then the name and part in the component.
bool match_rule(const NameRule& rule, const std::string& key, NameMatch& out);

}  // namespace flam
