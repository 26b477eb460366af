// Written with Highway, like few_rows_simd.cpp: weights become float32 in registers, and only their few bits
// are read from memory.
#include "framework/nn/kernels/quantized_simd.h"

#include <algorithm>

// SSE4 and less gain nothing, and arrays can't hold SVE's vectors.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/nn/kernels/quantized_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "framework/nn/kernels/quantized_steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

constexpr size_t kBlockBytes = 16384;  // of x, half of the first cache
#if HWY_TARGET == HWY_AVX2
constexpr bool kManyRegisters = false;
#else
constexpr bool kManyRegisters = true;
#endif

template <size_t R, size_t W>
HWY_INLINE void LoadSums(const float* from, Vector (&sum)[W][R]) {
  const F32 d;
  for (size_t j = 0; j < W; ++j)
    for (size_t r = 0; r < R; ++r) sum[j][r] = hn::Load(d, from + (j * R + r) * hn::Lanes(d));
}
template <size_t R, size_t W>
HWY_INLINE void StoreSums(const Vector (&sum)[W][R], float* to) {
  const F32 d;
  for (size_t j = 0; j < W; ++j)
    for (size_t r = 0; r < R; ++r) hn::Store(sum[j][r], d, to + (j * R + r) * hn::Lanes(d));
}

/// Adds the products of one step of R rows with a step of a weight row.
template <size_t R>
HWY_INLINE void AddStep(const float* HWY_RESTRICT x, Vector first, Vector second, Vector (&sum)[R]) {
  const F32 d;
  const size_t lanes = hn::Lanes(d);
  for (size_t r = 0; r < R; ++r) sum[r] = hn::MulAdd(first, hn::LoadU(d, x + 2 * r * lanes), sum[r]);
  for (size_t r = 0; r < R; ++r) sum[r] = hn::MulAdd(second, hn::LoadU(d, x + (2 * r + 1) * lanes), sum[r]);
}

/// Adds the products of `steps` steps, beginning with step s, of R rows with weight rows n … n + W − 1, to
/// sums [W,R,lanes]. `ahead`: what to fetch, as many elements after each weight row.
template <size_t R, size_t W>
void Accumulate(const float* HWY_RESTRICT x, const Int8Weight& w, size_t n, size_t s, size_t steps,
                ptrdiff_t ahead, float* HWY_RESTRICT sums) {
  const size_t step = StepSize();
  const int8_t* rows = w.values + n * w.in + s * step;
  Vector sum[W][R];
  LoadSums<R, W>(sums, sum);
  for (size_t i = 0; i < steps; ++i, rows += step, x += step * R) {
    for (size_t j = 0; j < W; ++j) {
      Vector first, second;
      __builtin_prefetch(rows + j * w.in + ahead, 0, 2);
      LoadStep(rows + j * w.in, first, second);
      AddStep<R>(x, first, second, sum[j]);
    }
  }
  StoreSums<R, W>(sum, sums);
}

template <size_t R, size_t W>
void Accumulate(const float* HWY_RESTRICT x, const Int4Weight& w, size_t n, size_t s, size_t steps,
                ptrdiff_t ahead, float* HWY_RESTRICT sums) {
  const F32 d;
  const size_t step = StepSize(), row_bytes = w.in / 2, row_groups = w.in / w.group;
  const size_t group_steps = w.group / step;  // s and steps are multiples of it
  const uint8_t* rows = w.values + n * row_bytes + s * step / 2;
  const uint16_t* scales = w.scales + n * row_groups + s / group_steps;
  Vector sum[W][R];
  LoadSums<R, W>(sums, sum);
  for (size_t done = 0; done < steps; done += group_steps, ++scales) {
    Vector times[W], plus[W];
    for (size_t j = 0; j < W; ++j) {
      const float scale = ToFloat(scales[j * row_groups]);
      times[j] = hn::Set(d, scale);
      plus[j] = hn::Set(d, -8 * scale);
    }
    for (size_t i = 0; i < group_steps; ++i, rows += step / 2, x += step * R) {
      for (size_t j = 0; j < W; ++j) {
        Vector even, odd;
        __builtin_prefetch(rows + static_cast<ptrdiff_t>(j * row_bytes) + ahead / 2, 0, 2);
        LoadLevels(rows + j * row_bytes, even, odd);
        AddStep<R>(x, hn::MulAdd(even, times[j], plus[j]), hn::MulAdd(odd, times[j], plus[j]), sum[j]);
      }
    }
  }
  StoreSums<R, W>(sum, sums);
}

/// The steps that a block must have a multiple of.
HWY_INLINE size_t BlockUnit(const Int8Weight&) {
  return 1;
}
HWY_INLINE size_t BlockUnit(const Int4Weight& w) {
  return w.group / StepSize();
}

/// Adds the products of the elements after the last whole step.
template <size_t R>
void AccumulateRest(const float* x, const Int8Weight& w, size_t n, size_t whole, float* sums) {
  const size_t begin = whole * StepSize();
  if (begin == w.in) return;
  HWY_ALIGN int8_t rest[2 * hn::MaxLanes(F32())] = {};
  std::copy(w.values + n * w.in + begin, w.values + (n + 1) * w.in, rest);
  Accumulate<R, 1>(x + begin * R, Int8Weight{rest, nullptr, 0, 1}, 0, 0, 1, 0, sums);
}
template <size_t R>
void AccumulateRest(const float*, const Int4Weight&, size_t, size_t, float*) {}  // groups are whole steps

HWY_INLINE float RowScale(const Int8Weight& w, size_t n) {
  return w.scales[n];
}
HWY_INLINE float RowScale(const Int4Weight&, size_t) {
  return 1;
}

/// The outputs of `count` ≤ kPanel rows of the weight, beginning with row n.
template <size_t R, class Weight, typename T>
void Panel(const PackedRows& x, const Weight& w, const T* bias, size_t n, size_t count, T* y) {
  constexpr size_t W = kManyRegisters ? (R <= 4 ? 4 : 3) : (R <= 2 ? 4 : R <= 4 ? 2 : 1);
  static_assert(kPanel % W == 0);
  const F32 d;
  const size_t lanes = hn::Lanes(d), step = 2 * lanes, whole = w.in / step, unit = BlockUnit(w);
  HWY_ALIGN float sums[kPanel * R * hn::MaxLanes(F32())];
  std::fill(sums, sums + count * R * lanes, 0.0F);
  const size_t block = std::max<size_t>(kBlockBytes / (R * step * sizeof(float)) / unit, 1) * unit;
  for (size_t s = 0; s < whole; s += block) {
    const size_t steps = std::min(block, whole - s);
    // What these rows need next: their next block, or the beginning of the rows of the next panel.
    ptrdiff_t ahead = static_cast<ptrdiff_t>(steps * step);
    if (s + block >= whole) ahead = static_cast<ptrdiff_t>(kPanel * w.in) - static_cast<ptrdiff_t>(s * step);
    const float* const values = x.values + s * step * R;
    size_t j = 0;
    for (; j + W <= count; j += W) Accumulate<R, W>(values, w, n + j, s, steps, ahead, sums + j * R * lanes);
    for (; j < count; ++j) Accumulate<R, 1>(values, w, n + j, s, steps, ahead, sums + j * R * lanes);
  }
  for (size_t j = 0; j < count; ++j) {
    AccumulateRest<R>(x.values, w, n + j, whole, sums + j * R * lanes);
    for (size_t r = 0; r < R; ++r) {
      const float sum =
          RowScale(w, n + j) * hn::GetLane(hn::SumOfLanes(d, hn::Load(d, sums + (j * R + r) * lanes)));
      Round(bias ? sum + ToFloat(bias[n + j]) : sum, y[r * w.out + n + j]);
    }
  }
}

template <size_t R, class Weight, typename T>
void Panels(const PackedRows& x, const Weight& w, const T* bias, size_t first, size_t last, T* y) {
  for (size_t n = first; n < last; n += kPanel) Panel<R>(x, w, bias, n, std::min(kPanel, last - n), y);
}

template <class Weight, typename T>
void Multiply(const PackedRows& x, const Weight& w, const T* bias, size_t first, size_t last, T* y) {
  switch (x.rows) {
    case 1:
      return Panels<1>(x, w, bias, first, last, y);
    case 2:
      return Panels<2>(x, w, bias, first, last, y);
    case 3:
      return Panels<3>(x, w, bias, first, last, y);
    case 4:
      return Panels<4>(x, w, bias, first, last, y);
    case 5:
      return Panels<5>(x, w, bias, first, last, y);
    case 6:
      return Panels<6>(x, w, bias, first, last, y);
    case 7:
      return Panels<7>(x, w, bias, first, last, y);
    default:
      return Panels<8>(x, w, bias, first, last, y);
  }
}

template <class Weight, typename T>
void RowNumbers(const Weight& w, size_t first, size_t last, T* out) {
  for (size_t n = first; n < last; ++n) Numbers(w, n, out + (n - first) * w.in);
}

// One function of each kind for each combination, because HWY_EXPORT takes no templates.
#define FLAM_FUNCTIONS(Suffix, T)                                                                  \
  void Int8Pack##Suffix(const T* x, size_t rows, size_t in, float* packed) {                       \
    PackRows<T, float>(x, static_cast<ptrdiff_t>(in), rows, in, packed);                           \
  }                                                                                                \
  void Int4Pack##Suffix(const T* x, size_t rows, size_t in, float* packed) {                       \
    PackRows<T, uint16_t>(x, static_cast<ptrdiff_t>(in), rows, in, packed);                        \
  }                                                                                                \
  void Int8Multiply##Suffix(const PackedRows& x, const Int8Weight& w, const T* bias, size_t first, \
                            size_t last, T* y) {                                                   \
    Multiply(x, w, bias, first, last, y);                                                          \
  }                                                                                                \
  void Int4Multiply##Suffix(const PackedRows& x, const Int4Weight& w, const T* bias, size_t first, \
                            size_t last, T* y) {                                                   \
    Multiply(x, w, bias, first, last, y);                                                          \
  }                                                                                                \
  void Int8Numbers##Suffix(const Int8Weight& w, size_t first, size_t last, T* out) {               \
    RowNumbers(w, first, last, out);                                                               \
  }                                                                                                \
  void Int4Numbers##Suffix(const Int4Weight& w, size_t first, size_t last, T* out) {               \
    RowNumbers(w, first, last, out);                                                               \
  }

FLAM_FUNCTIONS(F32, float)
FLAM_FUNCTIONS(BF16, uint16_t)
#undef FLAM_FUNCTIONS

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flam::kernels {

#define FLAM_DISPATCH(Suffix, T)                                                                            \
  HWY_EXPORT(Int8Pack##Suffix);                                                                             \
  HWY_EXPORT(Int4Pack##Suffix);                                                                             \
  HWY_EXPORT(Int8Multiply##Suffix);                                                                         \
  HWY_EXPORT(Int4Multiply##Suffix);                                                                         \
  HWY_EXPORT(Int8Numbers##Suffix);                                                                          \
  HWY_EXPORT(Int4Numbers##Suffix);                                                                          \
  template <>                                                                                               \
  void pack_for_int8(const T* x, size_t rows, size_t in, float* packed) {                                   \
    HWY_DYNAMIC_DISPATCH(Int8Pack##Suffix)(x, rows, in, packed);                                            \
  }                                                                                                         \
  template <>                                                                                               \
  void pack_for_int4(const T* x, size_t rows, size_t in, float* packed) {                                   \
    HWY_DYNAMIC_DISPATCH(Int4Pack##Suffix)(x, rows, in, packed);                                            \
  }                                                                                                         \
  template <>                                                                                               \
  void multiply(const PackedRows& x, const Int8Weight& w, const T* bias, size_t first, size_t last, T* y) { \
    HWY_DYNAMIC_DISPATCH(Int8Multiply##Suffix)(x, w, bias, first, last, y);                                 \
  }                                                                                                         \
  template <>                                                                                               \
  void multiply(const PackedRows& x, const Int4Weight& w, const T* bias, size_t first, size_t last, T* y) { \
    HWY_DYNAMIC_DISPATCH(Int4Multiply##Suffix)(x, w, bias, first, last, y);                                 \
  }                                                                                                         \
  template <>                                                                                               \
  void numbers_of(const Int8Weight& w, size_t first, size_t last, T* out) {                                 \
    HWY_DYNAMIC_DISPATCH(Int8Numbers##Suffix)(w, first, last, out);                                         \
  }                                                                                                         \
  template <>                                                                                               \
  void numbers_of(const Int4Weight& w, size_t first, size_t last, T* out) {                                 \
    HWY_DYNAMIC_DISPATCH(Int4Numbers##Suffix)(w, first, last, out);                                         \
  }

FLAM_DISPATCH(F32, float)
FLAM_DISPATCH(BF16, uint16_t)
#undef FLAM_DISPATCH

}  // namespace flam::kernels
#endif
