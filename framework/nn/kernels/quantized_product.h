#pragma once
// Products with weights that are quantised. Only the few bits of a weight are read from memory, and nothing
// keeps the whole matrix as numbers.

#include <ATen/core/Tensor.h>

#include "framework/base/export.h"
#include "framework/weights/quantized_matrix.h"

namespace flam::kernels {

/// x [...,K] · weight [N,K]ᵀ + bias [N] → [...,N], of x's dtype; `bias` may be undefined. On the CPU, if no
/// gradient is recorded: few rows of float32 or bfloat16 are rounded to 16-bit integers (IntegerRows), and
/// meet the weight's integers in registers. Where there are row_tiles(), more rows of bfloat16 meet integers
/// that become bfloat16 in registers. For still more rows, a block of the weight at a time becomes numbers of
/// x's dtype, and libtorch multiplies. Otherwise the whole weight becomes numbers. On the meta device, only
/// shapes are computed.
FLAM_API at::Tensor quantized_product(const at::Tensor& x, const QuantizedMatrix& weight,
                                      const at::Tensor& bias);

/// The same for few rows with the numbers of the weight in plain loops, for comparison.
FLAM_API at::Tensor quantized_product_reference(const at::Tensor& x, const QuantizedMatrix& weight,
                                                const at::Tensor& bias);

}  // namespace flam::kernels
