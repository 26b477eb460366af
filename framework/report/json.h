#pragma once
// Values as JSON, and JSON as the lines that commands print.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "framework/config/value.h"

namespace flam {

/// A value tree as JSON.
FLAM_API nlohmann::ordered_json to_json(const Value& value);

/// On one line, fit for a terminal: control characters of one byte or two (U+007F to U+009F) are escaped,
/// too.
FLAM_API std::string json_line(const nlohmann::ordered_json& json);
/// The same on several lines, indented, with a line end behind the last one.
FLAM_API std::string json_lines(const nlohmann::ordered_json& json, int indent);

}  // namespace flam
