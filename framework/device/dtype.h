#pragma once
#include <c10/core/ScalarType.h>

#include <string>

#include "framework/base/export.h"

namespace flam {

/// The name that the command line and configs use (float32, bfloat16, float16), or libtorch's name for other
/// types.
FLAM_API std::string dtype_name(at::ScalarType dtype);

}  // namespace flam
