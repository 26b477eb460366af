#pragma once
#include <c10/core/ScalarType.h>

#include <string>

#include "framework/base/export.h"

namespace flam {

/// As the command line and configs write it: float32, bfloat16, float16; libtorch's name for others.
FLAM_API std::string dtype_name(at::ScalarType dtype);

}  // namespace flam
