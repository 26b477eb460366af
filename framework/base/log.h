#pragma once
// Messages to stderr. spdlog is not included here, because its fmt clashes with libtorch's.

#include <string_view>

#include "framework/base/export.h"

namespace flam {

enum class LogLevel { debug, info, warn, error, off };

FLAM_API void set_log_level(LogLevel level);
FLAM_API void log_debug(std::string_view message);
FLAM_API void log_info(std::string_view message);
FLAM_API void log_warn(std::string_view message);
FLAM_API void log_error(std::string_view message);

}  // namespace flam
