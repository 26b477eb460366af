#pragma once
#include <string>

#include "framework/base/export.h"

namespace flam {

/// JSON with DEL and the C1 control characters (U+0080 to U+009F) also escaped as \u00NN, so that it is safe
/// to show in a terminal. JSON itself escapes only characters below the space.
FLAM_API std::string escape_controls(const std::string& json);

}  // namespace flam
