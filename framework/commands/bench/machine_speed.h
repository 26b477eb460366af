#pragma once
// What the machine can do at best: how fast it reads memory, and how fast it multiplies matrices.

#include <ATen/core/Tensor.h>

#include <vector>

#include "framework/base/export.h"

namespace flam {

/// The size of the buffer that is read where `free` bytes of memory are free: 2 GiB, which is more than any
/// cache holds, but at most half of what is free.
FLAM_API int64_t read_buffer_bytes(int64_t free);

/// Measures the speed of a device, with as many threads as the calling thread uses.
class FLAM_API MachineSpeed {
 public:
  /// Allocates the memory that is read, and logs a warning if it is less than 2 GiB. RunError: there is too
  /// little free memory to measure anything.
  MachineSpeed(at::Device device, at::ScalarType dtype);

  /// Reads the buffer once, and multiplies two matrices for about a tenth of a second.
  void measure();

  int64_t buffer_bytes() const { return static_cast<int64_t>(buffer_.nbytes()); }
  int64_t matrix_size() const { return left_.size(0); }
  /// One value for each measure().
  const std::vector<double>& bytes_per_second() const { return bytes_per_second_; }
  const std::vector<double>& flops_per_second() const { return flops_per_second_; }

 private:
  double seconds_of_reading() const;
  double seconds_of_products() const;
  void choose_matrices(at::ScalarType dtype);

  at::Device device_;
  at::Tensor buffer_;        // int64
  at::Tensor left_, right_;  // square, of the model's dtype
  int64_t products_ = 1;     // in one measure()
  std::vector<double> bytes_per_second_, flops_per_second_;
};

}  // namespace flam
