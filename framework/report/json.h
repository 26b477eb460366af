#pragma once
// Converts values to JSON, and JSON to the text that commands print.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "framework/config/value.h"

namespace flam {

/// Converts a value tree to JSON.
FLAM_API nlohmann::ordered_json to_json(const Value& value);

/// Writes JSON on one line that is safe to print on a terminal: the control characters U+007F to U+009F are
/// also escaped.
FLAM_API std::string json_line(const nlohmann::ordered_json& json);
/// The same on several indented lines, with a newline at the end.
FLAM_API std::string json_lines(const nlohmann::ordered_json& json, int indent);

}  // namespace flam
