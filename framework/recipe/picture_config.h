#pragma once
// A config's `pictures` map: how picture files become pixels, before any transform.

#include "framework/config/value.h"
#include "framework/media/decode_options.h"

namespace flam {

/// {background: null | [r, g, b], orientation: apply | ignore}; missing keys have their defaults. Errors are
/// added to `errors`.
FLAM_API DecodeOptions parse_pictures(const Value& node, ErrorList& errors);

/// Writes both keys. Parsing the result gives equal options.
FLAM_API Value resolved_pictures(const DecodeOptions& options);

/// JSON Schema of the map.
FLAM_API Value pictures_schema();

}  // namespace flam
