#pragma once
// The numbers and weights that row_tiles.cpp multiplies, as vectors of AVX-512. Only for x86-64.

#include <immintrin.h>

#include <bit>
#include <cstring>

#include "framework/nn/kernels/quantized_simd.h"

#define FLAM_TILES_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define FLAM_TILES_INLINE FLAM_TILES_TARGET __attribute__((always_inline)) inline

namespace flam::kernels {

struct FloatNumbers {
  using Element = float;
  using Vector = __m512;
  static constexpr size_t kLanes = 16;
  FLAM_TILES_INLINE static Vector load(const float* p) { return _mm512_loadu_ps(p); }
  FLAM_TILES_INLINE static Vector load(const float* p, size_t count) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << count) - 1), p);
  }
  FLAM_TILES_INLINE static __m512 add_product(__m512 sum, Vector a, Vector b) {
    return _mm512_fmadd_ps(a, b, sum);
  }
  static float to_float(float value) { return value; }
  FLAM_TILES_INLINE static void store(float* y, __m128 sums, size_t count) {
    _mm_mask_storeu_ps(y, static_cast<__mmask8>((1U << count) - 1), sums);
  }
};

struct BFloat16Numbers {
  using Element = uint16_t;
  using Vector = __m512bh;
  static constexpr size_t kLanes = 32;
  FLAM_TILES_INLINE static Vector load(const uint16_t* p) { return (__m512bh)_mm512_loadu_si512(p); }
  FLAM_TILES_INLINE static Vector load(const uint16_t* p, size_t count) {
    return (__m512bh)_mm512_maskz_loadu_epi16((1U << count) - 1, p);
  }
  FLAM_TILES_INLINE static __m512 add_product(__m512 sum, Vector a, Vector b) {
    return _mm512_dpbf16_ps(sum, a, b);
  }
  static float to_float(uint16_t value) {
    const uint32_t bits = static_cast<uint32_t>(value) << 16;
    float number;
    std::memcpy(&number, &bits, sizeof number);
    return number;
  }
  FLAM_TILES_INLINE static void store(uint16_t* y, __m128 sums, size_t count) {
    _mm_mask_storeu_epi16(y, static_cast<__mmask8>((1U << count) - 1), (__m128i)_mm_cvtneps_pbh(sums));
  }
};

// Kinds of weights. A Row reads one row of w, at element k; `count`: only so many elements, the others are 0.
// kDense: a row holds numbers as they are, and need not be turned into some.

template <class D>
struct Dense : D {
  using Weight = const typename D::Element*;
  static constexpr bool kDense = true;
  struct Row {
    const typename D::Element* values;
    FLAM_TILES_INLINE typename D::Vector load(size_t k) const { return D::load(values + k); }
    FLAM_TILES_INLINE typename D::Vector load(size_t k, size_t count) const {
      return D::load(values + k, count);
    }
    FLAM_TILES_INLINE void fetch(size_t k, size_t distance) const {
      _mm_prefetch(reinterpret_cast<const char*>(values + k + distance), _MM_HINT_T1);
    }
  };
  static Row row(Weight w, size_t n, size_t depth) { return {w + n * depth}; }
  static float scale(Weight, size_t) { return 1; }
};

struct Int8 : BFloat16Numbers {
  using Weight = Int8Weight;
  static constexpr bool kDense = false;
  struct Row {
    const int8_t* values;
    FLAM_TILES_INLINE static Vector numbers(__m256i bytes) {  // −127 … 127 are exact
      const __m512 low = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm256_castsi256_si128(bytes))),
                   high = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm256_extracti128_si256(bytes, 1)));
      return _mm512_cvtne2ps_pbh(high, low);
    }
    FLAM_TILES_INLINE Vector load(size_t k) const {
      return numbers(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + k)));
    }
    FLAM_TILES_INLINE Vector load(size_t k, size_t count) const {
      return numbers(_mm256_maskz_loadu_epi8((1U << count) - 1, values + k));
    }
    FLAM_TILES_INLINE void fetch(size_t k, size_t distance) const {
      _mm_prefetch(reinterpret_cast<const char*>(values + k + distance), _MM_HINT_T1);
    }
  };
  static Row row(const Int8Weight& w, size_t n, size_t depth) { return {w.values + n * depth}; }
  static float scale(const Int8Weight& w, size_t n) { return w.scales[n]; }
};

struct Int4 : BFloat16Numbers {
  using Weight = Int4Weight;
  static constexpr bool kDense = false;
  struct Row {
    const uint8_t* values;
    const uint16_t* scales;
    unsigned group_bits;  // 1 << group_bits numbers have a scale
    /// The sixteen levels times the scale of element k, from which a permutation takes the numbers.
    FLAM_TILES_INLINE Vector load(size_t k) const {
      const __m512 levels = _mm512_setr_ps(-8, -7, -6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7);
      const __m512 scale = _mm512_set1_ps(to_float(scales[k >> group_bits]));
      const __m512i table = _mm512_castsi256_si512((__m256i)_mm512_cvtneps_pbh(_mm512_mul_ps(levels, scale)));
      const __m512i pairs =
          _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values + k / 2)));
      const __m512i which = _mm512_and_si512(_mm512_or_si512(pairs, _mm512_slli_epi32(pairs, 12)),
                                             _mm512_set1_epi32(0x000F000F));
      return (__m512bh)_mm512_permutexvar_epi16(which, table);
    }
    FLAM_TILES_INLINE Vector load(size_t k, size_t) const { return load(k); }  // groups are whole vectors
    FLAM_TILES_INLINE void fetch(size_t k, size_t distance) const {
      _mm_prefetch(reinterpret_cast<const char*>(values + (k + distance) / 2), _MM_HINT_T1);
    }
  };
  static Row row(const Int4Weight& w, size_t n, size_t depth) {
    return {w.values + n * depth / 2, w.scales + n * (depth / w.group),
            static_cast<unsigned>(std::countr_zero(w.group))};
  }
  static float scale(const Int4Weight&, size_t) { return 1; }
};

}  // namespace flam::kernels
