#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// "cpu", "cuda", "cuda:N", or "auto": the first CUDA device if a small matrix product works on it, else the
/// CPU; the choice and its reason are logged. Error: the name is unknown, or the device can't be used (with
/// the reason).
FLAM_API at::Device resolve_device(const std::string& name);

/// Converts "float32", "bfloat16" or "float16". Error: the name is unknown.
FLAM_API at::ScalarType resolve_dtype(const std::string& name);

/// One line on why the first CUDA device can't be used; "" if it can. Loads libtorch_cuda if it exists next
/// to libtorch_cpu and the driver has a device.
FLAM_API std::string cuda_problem();

/// Why libtorch's CUDA half can't be loaded; "" if it was loaded.
FLAM_API std::string cuda_half_problem();

/// The state of CUDA for people to read, one line each: whether it works, the driver, the devices, and
/// libtorch's CUDA half.
FLAM_API std::vector<std::string> cuda_report();

/// The name of a CUDA device, such as "NVIDIA H100 80GB HBM3"; "" for other devices.
FLAM_API std::string device_name(at::Device device);

/// Waits until the device has finished all queued work; does nothing for the CPU. An error of earlier work is
/// not reported here, but by the next operation.
FLAM_API void synchronize(at::Device device) noexcept;

/// Peak memory of tensors on a CUDA device since the last reset, in bytes; nullopt for other devices.
FLAM_API std::optional<int64_t> peak_memory(at::Device device);
FLAM_API void reset_peak_memory(at::Device device);

}  // namespace flam
