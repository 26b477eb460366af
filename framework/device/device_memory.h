#pragma once
#include <c10/util/Exception.h>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

/// Whether the error says that a device is out of memory: libtorch's allocator does, and so do CUDA itself
/// (cudaErrorMemoryAllocation), cuBLAS and cuDNN, which allocate their workspaces. So does the CPU's
/// allocator where the address space is limited.
inline bool is_out_of_memory(const c10::Error& error) {
  constexpr int kMemoryAllocation = 2;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error)) return true;
  if (const auto* of_device = dynamic_cast<const c10::AcceleratorError*>(&error))
    return of_device->get_error_code() == kMemoryAllocation;
  const std::string text = error.what_without_backtrace();
  return text.find("CUBLAS_STATUS_ALLOC_FAILED") != std::string::npos ||
         text.find("CUDNN_STATUS_ALLOC_FAILED") != std::string::npos ||
         text.find("DEVICE_ALLOCATION_FAILED") != std::string::npos ||
         text.find("DefaultCPUAllocator: can't allocate memory") != std::string::npos;
}

/// There is not enough memory for this work; a smaller part of it may fit.
class OutOfMemory : public RunError {
 public:
  using RunError::RunError;
};

/// Runs `work`. OutOfMemory: the device is out of memory.
template <class Work>
auto with_device_memory(const Work& work) {
  try {
    return work();
  } catch (const c10::Error& error) {
    if (!is_out_of_memory(error)) throw;
    const std::string text = error.what_without_backtrace();
    throw OutOfMemory(
        cat("not enough memory on the device: ", printable(text.substr(0, text.find('\n')), 300),
            "; use --dtype bfloat16, a smaller --batch-size, fewer beams or shots"));
  }
}

}  // namespace flam
