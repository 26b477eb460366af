#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace flam {

/// Returns the text of a variant's table cell in a column of the report: "0.993 ±0.004", "3.1 MFLOP"; "" if
/// there is no value.
std::string cell_text(const nlohmann::ordered_json& column, const nlohmann::ordered_json& variant);

}  // namespace flam
