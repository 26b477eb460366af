#pragma once
// Requests as JSON: {"parts": [{"image": FILE}, {"text": …}], "candidates": [TEXT, …], "id": TEXT}, or
// conversations with "messages" in place of "parts" (message_json.h). Paths are written as path_text() writes
// them.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "framework/base/error.h"
#include "framework/component/types.h"

namespace flam {

/// Parses a request from JSON. Relative picture paths are relative to `folder`. Without an "id", the id is
/// the path of the last picture (for a video, of its first frame), as path_text() writes it. Error: the JSON
/// is not a valid request; the message gives the location.
FLAM_API Request parse_request(const std::string& json_line, const std::filesystem::path& folder,
                               const Location& where);

/// Writes a request as the JSON that parse_request() reads. A picture in memory is written as its name.
FLAM_API nlohmann::ordered_json request_json(const Request& request);

}  // namespace flam
