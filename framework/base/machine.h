#pragma once
#include <string>

#include "framework/base/export.h"

namespace flam {

/// The machine that runs this, for reports: "AMD EPYC, 2 threads", with the processor's name if the system
/// tells it, and the number of its hardware threads.
FLAM_API std::string machine_name();

/// The time now, in UTC, as ISO 8601: "2024-05-31T16:04:09Z".
FLAM_API std::string utc_now();

}  // namespace flam
