// With the intrinsics of AVX-512, because Highway 1.0 has no function for products of pairs of bfloat16.
//
// A tile is some rows of x times four rows of w. Both are read along their rows, so nothing is packed or
// copied: each lane sums every sixteenth product, and the lanes are added at the end of a block.
#include "framework/nn/kernels/row_tiles.h"

#if defined(__x86_64__)

#include <hwy/detect_targets.h>

#include <algorithm>
#include <array>

#include "framework/nn/kernels/pair_product.h"
#include "framework/nn/kernels/row_tile_weights.h"

namespace flam::kernels {

namespace {

constexpr size_t kRows = 6;                 // of a tile, whose sums then fill 24 of 32 registers
constexpr size_t kRowsAtOnce = 24 * kRows;  // so many rows of x stay in the second cache
constexpr size_t kBlockBytes = 4096;        // of each row: four rows of w stay in the first cache
constexpr size_t kColumns = kTileColumns;
constexpr size_t kBytesInOrder = 12288;  // of x, for which the rows of w are read in order

/// The sum of the lanes of each of four vectors.
FLAM_TILES_INLINE __m128 sums_of_lanes(const __m512 (&v)[kColumns]) {
  const __m512 low = _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
  const __m512 high = _mm512_add_ps(_mm512_unpacklo_ps(v[2], v[3]), _mm512_unpackhi_ps(v[2], v[3]));
  const __m512 all = _mm512_add_ps(_mm512_shuffle_ps(low, high, 0x44), _mm512_shuffle_ps(low, high, 0xEE));
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(all), _mm512_extractf32x8_ps(all, 1));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

template <class D>
using WeightRows = std::array<typename D::Row, kColumns>;

/// What a tile fetches while it computes: the rows [first, last) of the four rows of w that come next.
struct Fetch {
  size_t first, last;
  size_t distance;  // in elements
};

/// Adds the products of R rows of x, `stride` apart, with the rows of w, over the elements [begin, end), to
/// `sums` [R,kColumns].
template <class D, size_t R>
FLAM_TILES_TARGET void tile(const typename D::Element* x, size_t stride, const WeightRows<D>& w, size_t begin,
                            size_t end, Fetch next, float* sums) {
  __m512 sum[R][kColumns];
#pragma GCC unroll 6
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t j = 0; j < kColumns; ++j) sum[r][j] = _mm512_setzero_ps();
  typename D::Vector weights[kColumns];
  size_t k = begin;
  for (; k + D::kLanes <= end; k += D::kLanes) {
#pragma GCC unroll 4
    for (size_t j = 0; j < kColumns; ++j) weights[j] = w[j].load(k);
    for (size_t j = next.first; j < next.last; ++j) w[j].fetch(k, next.distance);
#pragma GCC unroll 6
    for (size_t r = 0; r < R; ++r) {
      const typename D::Vector values = D::load(x + r * stride + k);
#pragma GCC unroll 4
      for (size_t j = 0; j < kColumns; ++j) sum[r][j] = D::add_product(sum[r][j], values, weights[j]);
    }
  }
  if (k < end) {
#pragma GCC unroll 4
    for (size_t j = 0; j < kColumns; ++j) weights[j] = w[j].load(k, end - k);
#pragma GCC unroll 6
    for (size_t r = 0; r < R; ++r) {
      const typename D::Vector values = D::load(x + r * stride + k, end - k);
#pragma GCC unroll 4
      for (size_t j = 0; j < kColumns; ++j) sum[r][j] = D::add_product(sum[r][j], values, weights[j]);
    }
  }
#pragma GCC unroll 6
  for (size_t r = 0; r < R; ++r)
    _mm_storeu_ps(sums + r * kColumns, _mm_add_ps(_mm_loadu_ps(sums + r * kColumns), sums_of_lanes(sum[r])));
}

template <class D>
FLAM_TILES_TARGET void tile_of(size_t rows, const typename D::Element* x, size_t stride,
                               const WeightRows<D>& w, size_t begin, size_t end, Fetch next, float* sums) {
  switch (rows) {
    case 1:
      return tile<D, 1>(x, stride, w, begin, end, next, sums);
    case 2:
      return tile<D, 2>(x, stride, w, begin, end, next, sums);
    case 3:
      return tile<D, 3>(x, stride, w, begin, end, next, sums);
    case 4:
      return tile<D, 4>(x, stride, w, begin, end, next, sums);
    case 5:
      return tile<D, 5>(x, stride, w, begin, end, next, sums);
    default:
      return tile<D, kRows>(x, stride, w, begin, end, next, sums);
  }
}

/// Whether in_order() is faster than tiles: x, which it reads again for each row of w, must stay in the first
/// cache beside what passes through.
template <class D>
bool reads_in_order(size_t rows, size_t depth) {
  const bool is_float = sizeof(typename D::Element) == sizeof(float);
  return is_float && D::kDense && rows <= 2 && rows * depth * sizeof(float) <= kBytesInOrder;
}

/// The sums of R rows of x, where reading w takes the time. The rows of w are read one after the other, as
/// they lie in memory: the processor fetches such a stream by itself, and faster than four streams. The order
/// of the additions is that of tile().
template <class D, size_t R>
FLAM_TILES_TARGET void in_order(const typename D::Element* x, size_t depth, const WeightRows<D>& w,
                                float* sums) {
  constexpr size_t kBlock = kBlockBytes / sizeof(typename D::Element);
  __m512 sum[kBytesInOrder / kBlockBytes][R][kColumns];
  const size_t blocks = (depth + kBlock - 1) / kBlock;
  for (size_t j = 0; j < kColumns; ++j) {
    const typename D::Row row = w[j];
    for (size_t b = 0; b < blocks; ++b) {
      size_t k = b * kBlock;
      const size_t end = std::min(k + kBlock, depth);
      __m512 lanes[R];
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r) lanes[r] = _mm512_setzero_ps();
      for (; k + D::kLanes <= end; k += D::kLanes) {
        const typename D::Vector weights = row.load(k);
#pragma GCC unroll 4
        for (size_t r = 0; r < R; ++r)
          lanes[r] = D::add_product(lanes[r], D::load(x + r * depth + k), weights);
      }
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r) {
        if (k < end)
          lanes[r] = D::add_product(lanes[r], D::load(x + r * depth + k, end - k), row.load(k, end - k));
        sum[b][r][j] = lanes[r];
      }
    }
  }
  for (size_t b = 0; b < blocks; ++b)
    for (size_t r = 0; r < R; ++r) {
      float* const of_row = sums + r * kColumns;
      _mm_storeu_ps(of_row, _mm_add_ps(_mm_loadu_ps(of_row), sums_of_lanes(sum[b][r])));
    }
}

template <class D>
FLAM_TILES_TARGET void in_order_of(size_t rows, const typename D::Element* x, size_t depth,
                                   const WeightRows<D>& w, float* sums) {
  switch (rows) {
    case 1:
      return in_order<D, 1>(x, depth, w, sums);
    default:
      return in_order<D, 2>(x, depth, w, sums);
  }
}

/// The columns [n, n + count) of y, of as many as kRowsAtOnce rows that begin with row m.
template <class D>
FLAM_TILES_TARGET void columns(const TiledProduct<typename D::Element>& p, const typename D::Weight& weight,
                               size_t m, size_t rows, size_t n, size_t count) {
  constexpr size_t kBlock = kBlockBytes / sizeof(typename D::Element);
  alignas(64) float sums[kRowsAtOnce * kColumns];
  std::fill(sums, sums + rows * kColumns, 0.0F);
  WeightRows<D> w;  // a row is repeated where there are fewer
  for (size_t j = 0; j < kColumns; ++j) w[j] = D::row(weight, n + std::min(j, count - 1), p.depth);
  // Each tile fetches its share of the rows of w that come next, so that memory is read while others compute.
  const size_t tiles = (rows + kRows - 1) / kRows, wanted = n + 2 * kColumns <= p.columns ? kColumns : 0;
  const auto fetched = [&](size_t t) { return (t * wanted + tiles - 1) / tiles; };
  const auto first_row = [&](size_t t) { return (t * rows + tiles - 1) / tiles; };  // tiles of equal height
  const typename D::Element* const x = p.x + m * p.depth;
  const bool ordered = reads_in_order<D>(rows, p.depth);
  if (ordered) in_order_of<D>(rows, x, p.depth, w, sums);
  for (size_t begin = 0; begin < p.depth && !ordered; begin += kBlock) {
    const size_t end = std::min(begin + kBlock, p.depth);
    for (size_t t = 0; t < tiles; ++t) {
      const size_t r = first_row(t);
      const Fetch next{fetched(t), fetched(t + 1), kColumns * p.depth};
      tile_of<D>(first_row(t + 1) - r, x + r * p.depth, p.depth, w, begin, end, next, sums + r * kColumns);
    }
  }
  alignas(16) float scale[kColumns] = {}, bias[kColumns] = {};
  for (size_t j = 0; j < count; ++j) scale[j] = D::scale(weight, n + j);
  for (size_t j = 0; p.bias && j < count; ++j) bias[j] = D::to_float(p.bias[n + j]);
  for (size_t r = 0; r < rows; ++r)
    D::store(p.y + (m + r) * p.columns + n,
             _mm_add_ps(_mm_mul_ps(_mm_loadu_ps(sums + r * kColumns), _mm_load_ps(scale)), _mm_load_ps(bias)),
             count);
}

template <class D>
void product(const TiledProduct<typename D::Element>& p, const typename D::Weight& w, size_t first,
             size_t last) {
  for (size_t m = 0; m < p.rows; m += kRowsAtOnce)
    for (size_t n = first; n < last; n += kColumns)
      columns<D>(p, w, m, std::min(kRowsAtOnce, p.rows - m), n, std::min(kColumns, last - n));
}

}  // namespace

bool has_row_tiles(bool bfloat16) {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  // Tests restrict Highway's targets, and mean these kernels too.
  const bool allowed = vector_target() <= HWY_AVX3;  // better targets have smaller numbers
  return has && allowed && (!bfloat16 || has_pair_products());
}

void row_tiles(const TiledProduct<float>& p, const float* w, size_t first, size_t last) {
  product<Dense<FloatNumbers>>(p, w, first, last);
}
void row_tiles(const TiledProduct<uint16_t>& p, const uint16_t* w, size_t first, size_t last) {
  product<Dense<BFloat16Numbers>>(p, w, first, last);
}
void row_tiles(const TiledProduct<uint16_t>& p, const Int8Weight& w, size_t first, size_t last) {
  product<Int8>(p, w, first, last);
}
void row_tiles(const TiledProduct<uint16_t>& p, const Int4Weight& w, size_t first, size_t last) {
  product<Int4>(p, w, first, last);
}

}  // namespace flam::kernels

#else

namespace flam::kernels {

bool has_row_tiles(bool) {
  return false;
}
void row_tiles(const TiledProduct<float>&, const float*, size_t, size_t) {}
void row_tiles(const TiledProduct<uint16_t>&, const uint16_t*, size_t, size_t) {}
void row_tiles(const TiledProduct<uint16_t>&, const Int8Weight&, size_t, size_t) {}
void row_tiles(const TiledProduct<uint16_t>&, const Int4Weight&, size_t, size_t) {}

}  // namespace flam::kernels

#endif
