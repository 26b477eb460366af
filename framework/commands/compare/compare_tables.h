#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace flam {

/// A square in the variant's colour.
std::string swatch(size_t index);

/// The tables of the page, with a row for each variant: scores with their controls, costs, losses, and why a
/// variant has no values.
std::string report_tables(const nlohmann::ordered_json& report);

}  // namespace flam
