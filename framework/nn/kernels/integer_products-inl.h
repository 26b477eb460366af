// Sums of products of 16-bit integers with quantised weights, compiled for each kind of vectors.
#if defined(FLAM_KERNELS_INTEGER_PRODUCTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef FLAM_KERNELS_INTEGER_PRODUCTS_INL_H
#undef FLAM_KERNELS_INTEGER_PRODUCTS_INL_H
#else
#define FLAM_KERNELS_INTEGER_PRODUCTS_INL_H
#endif
#include "framework/nn/kernels/integer_rows-inl.h"
#include "framework/nn/kernels/quantized_simd.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

using U16 = hn::RebindToUnsigned<I16>;

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

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
