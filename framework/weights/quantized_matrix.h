#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "framework/base/export.h"
#include "framework/weights/quant_scheme.h"

namespace flam {

/// A matrix [rows,columns] in fewer bits. A number is its value times its scale.
struct FLAM_API QuantizedMatrix {
  QuantScheme scheme;
  at::Tensor values;  // int8: int8 [rows,columns], −127 … 127. int4: uint8 [rows,columns/2], two numbers in
                      // each, the even column in the low bits, and 8 is added to each: 0 … 15
  at::Tensor scales;  // int8: float32 [rows]. int4: bfloat16 [rows,columns/group_size]

  int64_t rows() const { return values.size(0); }
  int64_t columns() const;
  /// Rows [first, first + count), in the same memory.
  QuantizedMatrix narrow(int64_t first, int64_t count) const;
  QuantizedMatrix to(at::Device device) const;
};

/// Whether rows of so many columns can be stored in the scheme: int4 needs whole groups.
FLAM_API bool can_quantize(const QuantScheme& scheme, int64_t columns);
/// The bytes of the values and scales.
FLAM_API int64_t quantized_bytes(const QuantScheme& scheme, int64_t rows, int64_t columns);

/// Rounds a floating-point matrix on the CPU, of which a part at a time becomes float32. int8: the largest
/// number of a row becomes ±127. int4: of a few scales for each group, the one with the least squared error.
/// `name` is for the error. RunError: a number is not finite, or too large for its scale.
FLAM_API QuantizedMatrix quantize(const at::Tensor& matrix, const QuantScheme& scheme,
                                  const std::string& name);
/// The numbers of the matrix, computed in float32 and rounded to `dtype` once, on its device.
FLAM_API at::Tensor dequantize(const QuantizedMatrix& matrix, at::ScalarType dtype);

}  // namespace flam
