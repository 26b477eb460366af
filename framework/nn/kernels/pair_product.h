#pragma once
#include <cstddef>
#include <cstdint>

#include "framework/base/export.h"

namespace flam::kernels {

/// Whether this machine has an instruction for products of pairs of bfloat16 (AVX-512 BF16), and no matrix
/// unit (AMX), with which libtorch is faster.
FLAM_API bool has_pair_products();

/// A matrix of bfloat16 [depth,columns] with pairs of rows interleaved: element (k,n) is half k % 2 of
/// pairs[k / 2 · columns + n]. `columns` is a multiple of 16; an odd depth ends with a row of zeros.
struct PairedMatrix {
  const uint32_t* pairs;
  size_t depth, columns;
};

/// c [rows,columns] = a [rows,depth] · b for the first `columns` columns of b, a multiple of 16. Rows of a
/// and c are `a_stride` and `c_stride` elements apart. Sums are float32. An odd depth reads one more element
/// of each row of a.
void pair_product(const uint16_t* a, size_t a_stride, size_t rows, const PairedMatrix& b, size_t columns,
                  float* c, size_t c_stride);

}  // namespace flam::kernels
