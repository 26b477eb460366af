#pragma once
#include <string>

#include "framework/base/export.h"

namespace flam {

/// JSON with DEL and the controls of eight bits (U+0080 to U+009F) written as \u00NN too, so that a terminal
/// may show it: JSON itself escapes only those below a space.
FLAM_API std::string escape_controls(const std::string& json);

}  // namespace flam
