#pragma once
#include <c10/core/Device.h>

#include <cstdint>

#include "framework/base/export.h"

namespace flam {

/// The bytes that this process can still allocate on the device. For the CPU: what the system calls
/// available, or less if the control group or the limit of the address space (ulimit -v) leaves less.
FLAM_API int64_t free_memory(c10::Device device);

}  // namespace flam
