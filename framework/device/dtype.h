#pragma once
#include <c10/core/ScalarType.h>

#include <string>

#include "framework/base/export.h"

namespace flam {

/// The name used on the command line and in configs (float32, bfloat16, float16); libtorch's name for others.
FLAM_API std::string dtype_name(at::ScalarType dtype);

}  // namespace flam
