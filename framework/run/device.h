#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "framework/base/export.h"

namespace flam {

/// "cpu", "cuda", "cuda:N", or "auto": CUDA only where it really works (a small product is tried), else the
/// CPU. Error: unknown name, or a device that isn't there (with the reason).
FLAM_API at::Device resolve_device(const std::string& name);

/// "float32", "bfloat16", "float16".
FLAM_API at::ScalarType resolve_dtype(const std::string& name);
FLAM_API std::string dtype_name(at::ScalarType dtype);

/// Why CUDA can't be used here; "" if it can. Opens the CUDA half of libtorch when it lies beside
/// libtorch_cpu.
FLAM_API std::string cuda_problem();

}  // namespace flam
