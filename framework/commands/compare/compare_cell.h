#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace flam {

/// What the table shows of a variant in a column of the report: "0.993 ±0.004", "3.1 MFLOP"; "" if nothing is
/// known.
std::string cell_text(const nlohmann::ordered_json& column, const nlohmann::ordered_json& variant);

}  // namespace flam
