#pragma once
// A config's `pictures` map: how picture files become pixels, before any transform.

#include "framework/config/value.h"
#include "framework/media/decode_options.h"

namespace flam {

/// {background: null | [r, g, b], orientation: apply | ignore}; what is absent keeps its default. Errors are
/// added to `errors`.
FLAM_API DecodeOptions parse_pictures(const Value& node, ErrorList& errors);

/// Both keys; parses back to the same.
FLAM_API Value resolved_pictures(const DecodeOptions& options);

/// JSON Schema of the map.
FLAM_API Value pictures_schema();

}  // namespace flam
