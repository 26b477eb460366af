#pragma once
#include <string>

#include "framework/base/export.h"
#include "framework/component/types.h"

namespace flam {

/// A picture, with a question or without, as a Request whose id is the picture's path.
FLAM_API Request picture_request(const std::string& path, const std::string& question = "");

}  // namespace flam
