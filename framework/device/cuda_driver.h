#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace flam {

/// A device as the driver describes it; the order is that of cuda:0, cuda:1, …
struct CudaDevice {
  std::string name;
  int64_t memory = 0;          // bytes
  int capability[2] = {0, 0};  // major, minor
};

/// Information from the NVIDIA driver. It is queried through the driver's own library, so neither the CUDA
/// headers nor libtorch's CUDA half are needed (loading the latter takes seconds, and it gives no
/// reasons).
struct CudaDriver {
  std::string problem;  // one line on why there is no device; "" if there is one
  int version = 0;      // newest supported CUDA version, as 1000·major + 10·minor; 0: no driver
  std::vector<CudaDevice> devices;
};

/// Queries the driver once, at the first call.
const CudaDriver& cuda_driver();

/// For example, "13.0" for 13000.
std::string cuda_version_text(int version);

}  // namespace flam
