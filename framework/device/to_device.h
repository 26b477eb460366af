#pragma once
#include <ATen/core/Tensor.h>

namespace flam {

/// The tensor on that device. A copy from the host doesn't wait for the work that is queued on the device,
/// and the tensor may be changed as soon as this returns, because pageable memory has been read by then (CUDA
/// Runtime API, "API synchronization behavior").
inline at::Tensor to_device(const at::Tensor& tensor, at::Device device) {
  return tensor.to(device, tensor.scalar_type(), /*non_blocking=*/tensor.is_cpu());
}

}  // namespace flam
