#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace flam {

/// One device as the driver names it; the order is that of cuda:0, cuda:1, …
struct CudaDevice {
  std::string name;
  int64_t memory = 0;          // bytes
  int capability[2] = {0, 0};  // major, minor
};

/// What the NVIDIA driver says for itself: asked through its own library, without CUDA's headers and before
/// libtorch's CUDA half is opened (which takes seconds, and tells no reasons).
struct CudaDriver {
  std::string problem;  // why there is no device, a line; "" if there is one
  int version = 0;      // newest CUDA that it supports, as 1000·major + 10·minor; 0: no driver
  std::vector<CudaDevice> devices;
};

/// Asked once.
const CudaDriver& cuda_driver();

/// "13.0" of 13000.
std::string cuda_version_text(int version);

}  // namespace flam
