#pragma once
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// The bytes that this process can still allocate on the device. For the CPU: what the system calls
/// available, or less if the control group or the limit of the address space (ulimit -v) leaves less.
FLAM_API int64_t free_memory(c10::Device device);

/// The most bytes that this process may still allocate, slow or not, so that a need of more can be refused.
/// For the CPU: as free_memory(), but with free swap space, and with every page of a file in the control
/// group, since such pages can be read again. For a device: with what libtorch's allocator keeps unused.
FLAM_API int64_t allocatable_memory(c10::Device device);

/// The bytes of this process's pages that are in memory, those of mapped files among them.
FLAM_API int64_t resident_memory();

FLAM_API std::string bytes_text(int64_t bytes);  // "3.1 GB", "640 MB"

}  // namespace flam
