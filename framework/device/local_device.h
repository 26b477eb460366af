#pragma once
#include <cstdint>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// The device of one of several processes on a machine: for "cuda", and for "auto" where CUDA works, its own
/// "cuda:N", in turn; any other name as it is.
FLAM_API std::string local_device(const std::string& name, int64_t local_rank);

}  // namespace flam
