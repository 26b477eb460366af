// With the intrinsics of AVX-512 BF16, because Highway 1.0 has no function for this instruction.
#include "framework/nn/kernels/pair_product.h"

#if defined(__x86_64__)

#include <ATen/cpu/Utils.h>
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#define FLAM_PAIRS_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

namespace flam::kernels {

namespace {

constexpr size_t kLanes = 16, kRows = 6, kVectors = 4;
constexpr size_t kPairs = 128;  // kVectors vectors of as many pairs stay in the first cache

/// R rows × V vectors of c, whose sums stay in registers.
template <size_t R, size_t V>
FLAM_PAIRS_TARGET void tile(const uint16_t* a, size_t a_stride, const uint32_t* b, size_t b_stride,
                            size_t pairs, float* c, size_t c_stride, bool add) {
  __m512 sum[R][V];
#pragma GCC unroll 6
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t v = 0; v < V; ++v)
      sum[r][v] = add ? _mm512_loadu_ps(c + r * c_stride + v * kLanes) : _mm512_setzero_ps();
  for (size_t p = 0; p < pairs; ++p, b += b_stride) {
    __m512bh weights[V];
#pragma GCC unroll 4
    for (size_t v = 0; v < V; ++v) weights[v] = (__m512bh)_mm512_loadu_si512(b + v * kLanes);
#pragma GCC unroll 6
    for (size_t r = 0; r < R; ++r) {
      int pair;
      std::memcpy(&pair, a + r * a_stride + 2 * p, sizeof pair);
      const auto both = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 4
      for (size_t v = 0; v < V; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], both, weights[v]);
    }
  }
#pragma GCC unroll 6
  for (size_t r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (size_t v = 0; v < V; ++v) _mm512_storeu_ps(c + r * c_stride + v * kLanes, sum[r][v]);
}

template <size_t V>
void columns_of(const uint16_t* a, size_t a_stride, size_t rows, const uint32_t* b, size_t b_stride,
                size_t pairs, float* c, size_t c_stride, bool add) {
  size_t r = 0;
  for (; r + kRows <= rows; r += kRows)
    tile<kRows, V>(a + r * a_stride, a_stride, b, b_stride, pairs, c + r * c_stride, c_stride, add);
  for (; r < rows; ++r)
    tile<1, V>(a + r * a_stride, a_stride, b, b_stride, pairs, c + r * c_stride, c_stride, add);
}

}  // namespace

bool has_pair_products() {
  static const bool has = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && !at::cpu::init_amx();
  return has;
}

void pair_product(const uint16_t* a, size_t a_stride, size_t rows, const PairedMatrix& b, size_t columns,
                  float* c, size_t c_stride) {
  const size_t all = (b.depth + 1) / 2;
  for (size_t first = 0; first < all; first += kPairs) {
    const size_t pairs = std::min(kPairs, all - first);
    const uint32_t* const from = b.pairs + first * b.columns;
    size_t n = 0;
    for (; n + kVectors * kLanes <= columns; n += kVectors * kLanes)
      columns_of<kVectors>(a + 2 * first, a_stride, rows, from + n, b.columns, pairs, c + n, c_stride,
                           first > 0);
    for (; n < columns; n += kLanes)
      columns_of<1>(a + 2 * first, a_stride, rows, from + n, b.columns, pairs, c + n, c_stride, first > 0);
  }
}

}  // namespace flam::kernels

#else

namespace flam::kernels {

bool has_pair_products() {
  return false;
}
void pair_product(const uint16_t*, size_t, size_t, const PairedMatrix&, size_t, float*, size_t) {}

}  // namespace flam::kernels

#endif
