// Written with Highway, like few_rows_simd.cpp. Weights become 16-bit integers in registers, so only their
// few bits are read from memory, and meet rows of x that are 16-bit integers too: a multiply-add has twice as
// many of them as of float32, and turning weights into float32 takes longer than reading them.
#include "framework/nn/kernels/quantized_simd.h"

#include <algorithm>

// SSE4 and less gain nothing, and arrays can't hold SVE's vectors.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/nn/kernels/quantized_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "framework/nn/kernels/integer_rows-inl.h"
#include "framework/nn/kernels/quantized_steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

constexpr size_t kChunkBytes = 16384;  // of x, half of the first cache
#if HWY_TARGET == HWY_AVX2
constexpr bool kManyRegisters = false;
#else
constexpr bool kManyRegisters = true;
#endif

using U16 = hn::RebindToUnsigned<I16>;

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

/// Adds the products of blocks `first` … `last` − 1 of R rows with weight rows n … n + W − 1, to sums
/// [W,R,lanes]. `ahead`: what to fetch, as many elements after each weight row. Sums of integers can't
/// overflow: a lane gets at most 128 products of at most 127 · 32767.
template <size_t R, size_t W>
void Accumulate(const IntegerRows& x, const Int8Weight& w, size_t n, size_t first, size_t last,
                ptrdiff_t ahead, float* HWY_RESTRICT sums) {
  const F32 d;
  const I16 integers;
  const hn::Rebind<int8_t, I16> narrow;
  const size_t lanes = hn::Lanes(integers);
  Vector sum[W][R];
  LoadSums<R, W>(sums, sum);
  for (size_t b = first; b < last; ++b) {
    const int8_t* const rows = w.values + n * w.in + b * kIntegerBlock;
    const int16_t* const values = x.values + b * R * kIntegerBlock;
    for (size_t j = 0; j < W; ++j) {
      const int8_t* const row = rows + j * w.in;
      __builtin_prefetch(row + ahead, 0, 2);
      __builtin_prefetch(row + ahead + 64, 0, 2);
      Integers32 products[R], rest[R];
      for (size_t r = 0; r < R; ++r) products[r] = rest[r] = hn::Zero(I32());
      for (size_t k = 0; k < kIntegerBlock; k += lanes) {
        const auto numbers = hn::PromoteTo(integers, hn::LoadU(narrow, row + k));
        for (size_t r = 0; r < R; ++r)
          products[r] =
              AddProducts(numbers, hn::LoadU(integers, values + r * kIntegerBlock + k), products[r], rest[r]);
      }
      for (size_t r = 0; r < R; ++r)
        sum[j][r] = hn::MulAdd(hn::ConvertTo(d, hn::Add(products[r], rest[r])),
                               hn::Set(d, x.scales[b * R + r]), sum[j][r]);
    }
  }
  StoreSums<R, W>(sum, sums);
}

/// The scales of the numbers that one register of 16-bit lanes holds four each of, for its 32-bit lanes.
HWY_INLINE Vector GroupScales(const uint16_t* scales, size_t group) {
  const F32 d;
  const size_t groups = 4 * hn::Lanes(I16()) / group;
  if (groups <= 1) return hn::Set(d, ToFloat(scales[0]));
#if HWY_MAX_BYTES >= 32
  const hn::Half<F32> half;
  if (groups == 2)
    return hn::Combine(d, hn::Set(half, ToFloat(scales[1])), hn::Set(half, ToFloat(scales[0])));
#endif
#if HWY_MAX_BYTES >= 64
  HWY_ALIGN static constexpr int32_t kGroups[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  const hn::Full128<uint32_t> wide;
  const auto bits = hn::ShiftLeft<16>(hn::PromoteTo(wide, hn::LoadU(hn::Full64<uint16_t>(), scales)));
  const auto four = hn::BitCast(hn::Full128<float>(), bits);
  return hn::TableLookupLanes(hn::ZeroExtendVector(d, hn::ZeroExtendVector(half, four)),
                              hn::SetTableIndices(d, kGroups));
#else
  return hn::Zero(d);  // does not happen
#endif
}

/// Lanes of four numbers each.
HWY_INLINE hn::Vec<U16> LoadFours(const uint8_t* from) {
#if HWY_TARGET == HWY_SCALAR
  uint16_t four;
  std::memcpy(&four, from, sizeof four);
  return hn::Set(U16(), four);
#else
  return hn::BitCast(U16(), hn::LoadU(hn::Repartition<uint8_t, U16>(), from));
#endif
}

template <size_t R, size_t W>
void Accumulate(const IntegerRows& x, const Int4Weight& w, size_t n, size_t first, size_t last,
                ptrdiff_t ahead, float* HWY_RESTRICT sums) {
  const F32 d;
  const I16 integers;
  const U16 bits;
  const size_t lanes = hn::Lanes(integers), part = 4 * lanes, sums_of_part = hn::Lanes(I32());
  const size_t row_bytes = w.in / 2, row_groups = w.in / w.group;
  const auto low = hn::Set(bits, 15);
  Vector sum[W][R];
  LoadSums<R, W>(sums, sum);
  for (size_t b = first; b < last; ++b) {
    for (size_t j = 0; j < W; ++j) {
      const uint8_t* const row = w.values + (n + j) * row_bytes + b * kIntegerBlock / 2;
      const uint16_t* const scales = w.scales + (n + j) * row_groups;
      __builtin_prefetch(row + ahead / 2, 0, 2);
      for (size_t k = 0, s = 0; k < kIntegerBlock; k += part, s += sums_of_part) {
        const auto four = LoadFours(row + k / 2);
        const Integers16 numbers[4] = {hn::BitCast(integers, hn::And(four, low)),
                                       hn::BitCast(integers, hn::And(hn::ShiftRight<4>(four), low)),
                                       hn::BitCast(integers, hn::And(hn::ShiftRight<8>(four), low)),
                                       hn::BitCast(integers, hn::ShiftRight<12>(four))};
        const Vector scale = GroupScales(scales + (b * kIntegerBlock + k) / w.group, w.group);
        for (size_t r = 0; r < R; ++r) {
          const int16_t* const values = x.values + (b * R + r) * kIntegerBlock + k;
          Integers32 products = hn::LoadU(I32(), x.sums + (b * R + r) * kBlockSums + s),
                     rest = hn::Zero(I32());
          for (size_t i = 0; i < 4; ++i)
            products = AddProducts(numbers[i], hn::LoadU(integers, values + i * lanes), products, rest);
          sum[j][r] = hn::MulAdd(hn::ConvertTo(d, hn::Add(products, rest)),
                                 hn::Mul(scale, hn::Set(d, x.scales[b * R + r])), sum[j][r]);
        }
      }
    }
  }
  StoreSums<R, W>(sum, sums);
}

/// The last block of a group of rows.
HWY_INLINE IntegerRows LastBlock(const IntegerRows& x) {
  const size_t before = (x.blocks() - 1) * x.rows;
  return {x.values + before * kIntegerBlock, x.scales + before, x.sums + before * kBlockSums, x.rows,
          kIntegerBlock};
}

/// Adds the products of a last block that is not whole, with zeros behind the weight's numbers.
template <size_t R>
void AccumulateRest(const IntegerRows& x, const Int8Weight& w, size_t n, float* sums) {
  const size_t begin = w.in / kIntegerBlock * kIntegerBlock;
  if (begin == w.in) return;
  int8_t rest[kIntegerBlock] = {};
  std::copy(w.values + n * w.in + begin, w.values + (n + 1) * w.in, rest);
  Accumulate<R, 1>(LastBlock(x), Int8Weight{rest, nullptr, kIntegerBlock, 1}, 0, 0, 1, 0, sums);
}
template <size_t R>
void AccumulateRest(const IntegerRows& x, const Int4Weight& w, size_t n, float* sums) {
  const size_t begin = w.in / kIntegerBlock * kIntegerBlock;
  if (begin == w.in) return;
  uint8_t rest[kIntegerBlock / 2] = {};
  uint16_t scales[kIntegerBlock / 32] = {};
  std::copy(w.values + (n * w.in + begin) / 2, w.values + (n + 1) * w.in / 2, rest);
  std::copy(w.scales + (n * w.in + begin) / w.group, w.scales + (n + 1) * w.in / w.group, scales);
  Accumulate<R, 1>(LastBlock(x), Int4Weight{rest, scales, w.group, kIntegerBlock, 1}, 0, 0, 1, 0, sums);
}

HWY_INLINE float RowScale(const Int8Weight& w, size_t n) {
  return w.scales[n];
}
HWY_INLINE float RowScale(const Int4Weight&, size_t) {
  return 1;
}

/// The outputs of `count` ≤ kPanel rows of the weight, beginning with row n.
template <size_t R, class Weight, typename T>
void Panel(const IntegerRows& x, const Weight& w, const T* bias, size_t n, size_t count, T* y) {
  constexpr size_t W = kManyRegisters ? (R <= 4 ? 4 : 2) : (R <= 2 ? 2 : 1);
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
#define FLAM_FUNCTIONS(Suffix, T)                                                                   \
  void Int8Pack##Suffix(const T* x, const IntegerRows& out) {                                       \
    PackForInt8(x, out);                                                                            \
  }                                                                                                 \
  void Int4Pack##Suffix(const T* x, const IntegerRows& out) {                                       \
    PackForInt4(x, out);                                                                            \
  }                                                                                                 \
                                                                                                    \
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
