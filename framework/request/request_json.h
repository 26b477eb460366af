#pragma once
// Requests as JSON: {"parts": [{"image": FILE}, {"text": …}], "candidates": [TEXT, …]}.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "framework/base/error.h"
#include "framework/component/types.h"

namespace flam {

/// Parses a request from JSON ({"parts": […], "candidates": […]}); relative picture paths are taken below
/// `folder`. Error: where it departs.
FLAM_API Request parse_request(const std::string& json_line, const std::filesystem::path& folder,
                               const Location& where);

/// A request as the JSON that parse_request() reads; a picture in memory is given by its name.
nlohmann::ordered_json request_json(const Request& request);

}  // namespace flam
