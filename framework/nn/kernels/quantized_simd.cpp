// Written with Highway, like few_rows_simd.cpp. Weights become 16-bit integers in registers, so only their
// few bits are read from memory, and meet rows of x that are 16-bit integers too: a multiply-add has twice as
// many of them as of float32, and turning 4-bit numbers into float32 takes longer than reading them.
#include "framework/nn/kernels/quantized_simd.h"

#include <algorithm>

// SSE4 and less gain nothing, and arrays can't hold SVE's vectors.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/nn/kernels/quantized_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "framework/nn/kernels/integer_products-inl.h"
#include "framework/nn/kernels/quantized_steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

constexpr size_t kChunkBytes = 16384;  // of x, half of the first cache

HWY_INLINE float RowScale(const Int8Weight& w, size_t n) {
  return w.scales[n];
}
HWY_INLINE float RowScale(const Int4Weight&, size_t) {
  return 1;
}

/// The outputs of `count` ≤ kPanel rows of the weight, beginning with row n.
template <size_t R, class Weight, typename T>
void Panel(const IntegerRows& x, const Weight& w, const T* bias, size_t n, size_t count, T* y) {
  constexpr size_t W = kManyRegisters ? 4 : (R <= 2 ? 2 : 1);
  static_assert(kPanel % W == 0);
  const F32 d;
  const size_t lanes = hn::Lanes(d), whole = w.in / kIntegerBlock;
  HWY_ALIGN float sums[kPanel * R * hn::MaxLanes(F32())];
  std::fill(sums, sums + count * R * lanes, 0.0F);
  const size_t chunk = std::max<size_t>(kChunkBytes / (R * kIntegerBlock * sizeof(int16_t)), 1);
  for (size_t b = 0; b < whole; b += chunk) {
    const size_t end = std::min(b + chunk, whole);
    // What these rows need next: their next chunk, or the beginning of the rows of the next panel.
    const auto ahead =
        static_cast<ptrdiff_t>(end < whole ? (end - b) * kIntegerBlock : kPanel * w.in - b * kIntegerBlock);
    size_t j = 0;
    for (; j + W <= count; j += W) Accumulate<R, W>(x, w, n + j, b, end, ahead, sums + j * R * lanes);
    for (; j < count; ++j) Accumulate<R, 1>(x, w, n + j, b, end, ahead, sums + j * R * lanes);
  }
  for (size_t j = 0; j < count; ++j) {
    AccumulateRest<R>(x, w, n + j, sums + j * R * lanes);
    for (size_t r = 0; r < R; ++r) {
      const float sum =
          RowScale(w, n + j) * hn::GetLane(hn::SumOfLanes(d, hn::Load(d, sums + (j * R + r) * lanes)));
      Round(bias ? sum + ToFloat(bias[n + j]) : sum, y[r * w.out + n + j]);
    }
  }
}

template <size_t R, class Weight, typename T>
void Panels(const IntegerRows& x, const Weight& w, const T* bias, size_t first, size_t last, T* y) {
  for (size_t n = first; n < last; n += kPanel) Panel<R>(x, w, bias, n, std::min(kPanel, last - n), y);
}

template <class Weight, typename T>
void Multiply(const IntegerRows& x, const Weight& w, const T* bias, size_t first, size_t last, T* y) {
  switch (x.rows) {
    case 1:
      return Panels<1>(x, w, bias, first, last, y);
    case 2:
      return Panels<2>(x, w, bias, first, last, y);
    case 3:
      return Panels<3>(x, w, bias, first, last, y);
    default:
      return Panels<4>(x, w, bias, first, last, y);
  }
}

template <class Weight, typename T>
void RowNumbers(const Weight& w, size_t first, size_t last, T* out) {
  for (size_t n = first; n < last; ++n) Numbers(w, n, out + (n - first) * w.in);
}

// One function of each kind for each combination, because HWY_EXPORT takes no templates.
#define FLAM_FUNCTIONS(Suffix, T)                                                                   \
  void Int8Pack##Suffix(const T* x, const IntegerRows& out) {                                       \
    PackForInt8(x, out);                                                                            \
  }                                                                                                 \
  void Int4Pack##Suffix(const T* x, const IntegerRows& out) {                                       \
    PackForInt4(x, out);                                                                            \
  }                                                                                                 \
  void Int8Multiply##Suffix(const IntegerRows& x, const Int8Weight& w, const T* bias, size_t first, \
                            size_t last, T* y) {                                                    \
    Multiply(x, w, bias, first, last, y);                                                           \
  }                                                                                                 \
  void Int4Multiply##Suffix(const IntegerRows& x, const Int4Weight& w, const T* bias, size_t first, \
                            size_t last, T* y) {                                                    \
    Multiply(x, w, bias, first, last, y);                                                           \
  }                                                                                                 \
  void Int8Numbers##Suffix(const Int8Weight& w, size_t first, size_t last, T* out) {                \
    RowNumbers(w, first, last, out);                                                                \
  }                                                                                                 \
  void Int4Numbers##Suffix(const Int4Weight& w, size_t first, size_t last, T* out) {                \
    RowNumbers(w, first, last, out);                                                                \
  }

FLAM_FUNCTIONS(F32, float)
FLAM_FUNCTIONS(BF16, uint16_t)
#undef FLAM_FUNCTIONS

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flam::kernels {

#define FLAM_DISPATCH(Suffix, T)                                                                             \
  HWY_EXPORT(Int8Pack##Suffix);                                                                              \
  HWY_EXPORT(Int4Pack##Suffix);                                                                              \
  HWY_EXPORT(Int8Multiply##Suffix);                                                                          \
  HWY_EXPORT(Int4Multiply##Suffix);                                                                          \
  HWY_EXPORT(Int8Numbers##Suffix);                                                                           \
  HWY_EXPORT(Int4Numbers##Suffix);                                                                           \
  template <>                                                                                                \
  void pack_for_int8(const T* x, const IntegerRows& out) {                                                   \
    HWY_DYNAMIC_DISPATCH(Int8Pack##Suffix)(x, out);                                                          \
  }                                                                                                          \
  template <>                                                                                                \
  void pack_for_int4(const T* x, const IntegerRows& out) {                                                   \
    HWY_DYNAMIC_DISPATCH(Int4Pack##Suffix)(x, out);                                                          \
  }                                                                                                          \
  template <>                                                                                                \
  void multiply(const IntegerRows& x, const Int8Weight& w, const T* bias, size_t first, size_t last, T* y) { \
    HWY_DYNAMIC_DISPATCH(Int8Multiply##Suffix)(x, w, bias, first, last, y);                                  \
  }                                                                                                          \
  template <>                                                                                                \
  void multiply(const IntegerRows& x, const Int4Weight& w, const T* bias, size_t first, size_t last, T* y) { \
    HWY_DYNAMIC_DISPATCH(Int4Multiply##Suffix)(x, w, bias, first, last, y);                                  \
  }                                                                                                          \
  template <>                                                                                                \
  void numbers_of(const Int8Weight& w, size_t first, size_t last, T* out) {                                  \
    HWY_DYNAMIC_DISPATCH(Int8Numbers##Suffix)(w, first, last, out);                                          \
  }                                                                                                          \
  template <>                                                                                                \
  void numbers_of(const Int4Weight& w, size_t first, size_t last, T* out) {                                  \
    HWY_DYNAMIC_DISPATCH(Int4Numbers##Suffix)(w, first, last, out);                                          \
  }

FLAM_DISPATCH(F32, float)
FLAM_DISPATCH(BF16, uint16_t)
#undef FLAM_DISPATCH

}  // namespace flam::kernels
#endif
