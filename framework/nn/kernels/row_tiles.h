#pragma once
#include <cstddef>
#include <cstdint>

#include "framework/base/export.h"
#include "framework/nn/kernels/quantized_simd.h"

namespace flam::kernels {

/// Whether this machine has the instructions of row_tiles(): AVX-512, and for bfloat16 its products of pairs
/// (has_pair_products).
FLAM_API bool has_row_tiles(bool bfloat16);

/// y = x·wᵀ + bias, all stored by rows; bfloat16 is given as uint16_t.
template <typename T>
struct TiledProduct {
  const T* x;     // [rows,depth]
  const T* bias;  // [columns], or null
  T* y;           // [rows,columns]
  size_t rows, depth, columns;
};

/// The columns [first, last) of y, for w [columns,depth]. `first` is a multiple of kTileColumns, and so is
/// `last` unless it is the number of columns. Sums are float32; their order depends on `depth` alone.
/// Quantised weights become bfloat16 in registers; a number of int4 is rounded after it is scaled.
constexpr size_t kTileColumns = 4;
void row_tiles(const TiledProduct<float>& product, const float* w, size_t first, size_t last);
void row_tiles(const TiledProduct<uint16_t>& product, const uint16_t* w, size_t first, size_t last);
void row_tiles(const TiledProduct<uint16_t>& product, const Int8Weight& w, size_t first, size_t last);
void row_tiles(const TiledProduct<uint16_t>& product, const Int4Weight& w, size_t first, size_t last);

}  // namespace flam::kernels
