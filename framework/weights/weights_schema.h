#pragma once
#include "framework/config/value.h"

namespace flam {

/// Returns the JSON Schema of a config's `weights` map.
FLAM_API Value weights_schema();

}  // namespace flam
