#pragma once
#include <string>

#include "framework/base/export.h"
#include "framework/component/types.h"

namespace flam {

/// Makes a Request for a picture and an optional question. Its id is the picture's path.
FLAM_API Request picture_request(const std::string& path, const std::string& question = "");

}  // namespace flam
