#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// "cpu", "cuda", "cuda:N", or "auto": the first CUDA device if it really works (a small product is tried),
/// else the CPU; logs which, and why. Error: unknown name, or a device that can't be used (with the reason).
FLAM_API at::Device resolve_device(const std::string& name);

/// "float32", "bfloat16", "float16".
FLAM_API at::ScalarType resolve_dtype(const std::string& name);

/// Why the first CUDA device can't be used here, a line; "" if it can. Opens the CUDA half of libtorch when
/// it lies beside libtorch_cpu and there is a driver with a device.
FLAM_API std::string cuda_problem();

/// Why libtorch's CUDA half can't be opened; "" once it is.
FLAM_API std::string cuda_half_problem();

/// What is known of CUDA here, for people, a line each: driver, devices, libtorch's CUDA half, whether it
/// works.
FLAM_API std::vector<std::string> cuda_report();

/// "NVIDIA H100 80GB HBM3" of a CUDA device; "" of others.
FLAM_API std::string device_name(at::Device device);

/// Waits until the device has done what was queued; nothing on the CPU. Errors of earlier work are left to
/// the next operation.
FLAM_API void synchronize(at::Device device) noexcept;

/// The most bytes that tensors have held at once on a CUDA device; nothing for other devices.
FLAM_API std::optional<int64_t> peak_memory(at::Device device);

}  // namespace flam
