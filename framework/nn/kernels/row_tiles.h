#pragma once
#include <cstddef>
#include <cstdint>

#include "framework/base/export.h"

namespace flam::kernels {

/// Whether this machine has the instructions of row_tiles(): AVX-512, and for bfloat16 its products of pairs
/// (has_pair_products).
FLAM_API bool has_row_tiles(bool bfloat16);

/// y = x·wᵀ + bias. All matrices are stored by rows; bfloat16 is given as uint16_t.
template <typename T>
struct TiledProduct {
  const T* x;     // [rows, depth]
  const T* w;     // [columns, depth]
  const T* bias;  // [columns], or null
  T* y;           // [rows, columns]
  size_t rows, depth, columns;
};

/// The columns [first, last) of y. `first` is a multiple of kTileColumns, and so is `last` unless it is the
/// number of columns. Sums are float32; their order depends on `depth` alone.
constexpr size_t kTileColumns = 4;
void row_tiles(const TiledProduct<float>& product, size_t first, size_t last);
void row_tiles(const TiledProduct<uint16_t>& product, size_t first, size_t last);

}  // namespace flam::kernels
