#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace flam {

/// Returns the text of a variant's table cell in a column of the report: "0.993 ±0.004", "0.98 to 0.99" for
/// two seeds, "3.1 MFLOP"; "" if there is no value.
std::string cell_text(const nlohmann::ordered_json& column, const nlohmann::ordered_json& variant);

/// One line that says what the cells show beside or instead of the mean; "" for one seed.
std::string interval_note(const nlohmann::ordered_json& report);

}  // namespace flam
