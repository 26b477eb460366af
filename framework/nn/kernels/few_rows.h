#pragma once
// Products of few rows, which take as long as reading the weights takes.

#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam::kernels {

/// Whether the kernels may be used: the machine has vectors that they are written for (AVX2, AVX-512, NEON),
/// and the environment variable FLAM_KERNELS, read once, is not "off".
FLAM_API bool enabled();

/// Whether few_rows_product() takes these tensors and is faster than libtorch: contiguous, in CPU memory,
/// both float32 or both bfloat16, few enough rows, and no gradient is recorded. `bias` may be undefined.
FLAM_API bool takes_few_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// x [...,K] · weight [N,K]ᵀ + bias [N] → [...,N], of any number of rows. Sums are float32, and results of
/// bfloat16 are rounded once. A row's result does not depend on the other rows, nor on the number of threads.
FLAM_API at::Tensor few_rows_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// The same in plain loops, for comparison.
FLAM_API at::Tensor few_rows_reference(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace flam::kernels
