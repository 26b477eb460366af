#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace flam {

/// Returns the report as one self-contained HTML page: table, learning curves, scores against latency, and
/// test pictures with every variant's answer. The page of a report with "running" says what is being run, and
/// reloads itself.
std::string report_page(const nlohmann::ordered_json& report);

}  // namespace flam
