#pragma once
#include <string_view>

#include "framework/base/export.h"

namespace flam {

/// Puts a name before each message of log.h: "[rank 2] warning: …". It must not contain a percent sign.
FLAM_API void set_log_name(std::string_view name);

}  // namespace flam
