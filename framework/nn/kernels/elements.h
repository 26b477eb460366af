#pragma once
#include <ATen/core/Tensor.h>

namespace flam::kernels {

/// The elements of a tensor, without a check of its dtype; bfloat16 is read as uint16_t.
template <typename T>
const T* elements(const at::Tensor& tensor) {
  return static_cast<const T*>(tensor.const_data_ptr());
}

}  // namespace flam::kernels
