#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace flam {

/// The report as one HTML page that needs nothing else: table, learning curves, scores against latency, and
/// test pictures with every variant's answer.
std::string report_page(const nlohmann::ordered_json& report);

}  // namespace flam
