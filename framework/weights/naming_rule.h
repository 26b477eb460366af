#pragma once
#include "framework/weights/naming.h"

namespace flam {

/// Whether one rule takes `key`, and as what.
bool match_rule(const NameRule& rule, const std::string& key, NameMatch& out);

}  // namespace flam
