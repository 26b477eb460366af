#pragma once
// Requests as JSON: {"parts": [{"image": FILE}, {"text": …}], "candidates": [TEXT, …], "id": TEXT}. Paths are
// written as path_text() writes them.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "framework/base/error.h"
#include "framework/component/types.h"

namespace flam {

/// Parses a request from JSON; relative picture paths are taken below `folder`. Without an "id" it has the
/// path of its last picture (of a video: the first frame), as path_text() writes it. Error: where it departs.
FLAM_API Request parse_request(const std::string& json_line, const std::filesystem::path& folder,
                               const Location& where);

/// A request as the JSON that parse_request() reads; a picture in memory is given by its name.
FLAM_API nlohmann::ordered_json request_json(const Request& request);

}  // namespace flam
