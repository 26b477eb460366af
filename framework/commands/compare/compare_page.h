#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace flam {

/// Returns the report as one self-contained HTML page: table, learning curves, scores against latency, and
/// test pictures with every variant's answer.
std::string report_page(const nlohmann::ordered_json& report);

}  // namespace flam
