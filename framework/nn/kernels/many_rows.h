#pragma once
// Products of one or more rows, with AVX-512.

#include <ATen/core/Tensor.h>

#include "framework/base/export.h"
#include "framework/nn/kernels/quantized_simd.h"

namespace flam::kernels {

/// Whether many_rows_product() takes these tensors and is faster than the others: contiguous, in CPU memory,
/// both float32 or both bfloat16 with not too many rows, and no gradient is recorded. It needs AVX-512,
/// and for bfloat16 also has_pair_products(). `bias` may be undefined.
FLAM_API bool takes_many_rows(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// x [...,K] · weight [N,K]ᵀ + bias [N] → [...,N]. Sums are float32, and results of bfloat16 are rounded
/// once. A row's result does not depend on the other rows, nor on the number of threads. Numbers of bfloat16
/// below 2⁻¹²⁶ count as 0.
FLAM_API at::Tensor many_rows_product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// The same with quantised weights, which become bfloat16 in registers; x is contiguous bfloat16.
at::Tensor many_rows_product(const at::Tensor& x, const Int8Weight& weight, const at::Tensor& bias);
at::Tensor many_rows_product(const at::Tensor& x, const Int4Weight& weight, const at::Tensor& bias);

}  // namespace flam::kernels
