#pragma once
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "framework/commands/bench/operator_record.h"

namespace flam {

/// Recorded stages in the trace event format of Chrome, which chrome://tracing and ui.perfetto.dev show:
/// stages on one row, and their operators with shapes on another.
FLAM_API nlohmann::ordered_json trace_json(const std::vector<RecordedStage>& stages);

}  // namespace flam
