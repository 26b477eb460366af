// Rows of x as 16-bit integers, compiled for each kind of vectors.
#if defined(FLAM_KERNELS_INTEGER_ROWS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef FLAM_KERNELS_INTEGER_ROWS_INL_H
#undef FLAM_KERNELS_INTEGER_ROWS_INL_H
#else
#define FLAM_KERNELS_INTEGER_ROWS_INL_H
#endif
#include <cmath>
#include <limits>

#include "framework/nn/kernels/integer_rows.h"
#include "framework/nn/kernels/steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

using I16 = hn::ScalableTag<int16_t>;
using I32 = hn::ScalableTag<int32_t>;
using Integers16 = hn::Vec<I16>;
using Integers32 = hn::Vec<I32>;

/// Adds products of 16-bit integers to sums of 32 bits. On x86, lane l of `sum` gets the products of elements
/// 2l and 2l + 1; elsewhere `rest` gets a part of them.
HWY_INLINE Integers32 AddProducts(Integers16 a, Integers16 b, Integers32 sum, Integers32& rest) {
  return hn::ReorderWidenMulAccumulate(I32(), a, b, sum, rest);
}

/// One block of a row as integers. Returns its scale.
template <typename T>
HWY_INLINE float ToIntegers(const T* HWY_RESTRICT x, size_t count, int16_t* HWY_RESTRICT out) {
  constexpr float kMost = 32767;
  float numbers[kIntegerBlock] = {};
  for (size_t i = 0; i < count; ++i) numbers[i] = ToFloat(x[i]);
  float largest = 0, check = 0;
  for (size_t i = 0; i < kIntegerBlock; ++i) {
    largest = std::max(largest, std::abs(numbers[i]));
    check += numbers[i] * 0;  // NaN if a number is not finite
  }
  const bool is_finite = check == 0;
  // Smaller numbers have an inverse that is not finite.
  const bool is_zero = largest < kMost * std::numeric_limits<float>::min();
  const float scale = largest / kMost, inverse = is_zero || !is_finite ? 0.0F : kMost / largest;
  constexpr float kNearest = 12582912;  // 1.5 · 2²³: a sum with it has no fraction
  for (size_t i = 0; i < kIntegerBlock; ++i) {
    const float value = is_finite ? numbers[i] * inverse : 0.0F;
    out[i] = static_cast<int16_t>(static_cast<int32_t>((value + kNearest) - kNearest));
  }
  return is_finite ? (is_zero ? 0.0F : scale) : std::numeric_limits<float>::quiet_NaN();
}

template <typename T>
HWY_INLINE void PackForInt8(const T* x, const IntegerRows& out) {
  for (size_t b = 0; b < out.blocks(); ++b) {
    const size_t begin = b * kIntegerBlock, count = std::min(kIntegerBlock, out.in - begin);
    for (size_t r = 0; r < out.rows; ++r)
      out.scales[b * out.rows + r] =
          ToIntegers(x + r * out.in + begin, count, out.values + (b * out.rows + r) * kIntegerBlock);
  }
}

/// As PackForInt8(), but in the order in which a register of int4 weights is taken apart: of each 4 · L
/// values, where L is the number of a register's 16-bit lanes, first the values 0, 4, 8, …, then 1, 5, 9, ….
template <typename T>
HWY_INLINE void PackForInt4(const T* x, const IntegerRows& out) {
  const I16 d;
  const size_t lanes = hn::Lanes(d);
  PackForInt8(x, out);
  for (size_t i = 0; i < out.blocks() * out.rows; ++i) {
    int16_t* const block = out.values + i * kIntegerBlock;
    int32_t* const sums = out.sums + i * kBlockSums;
    HWY_ALIGN int16_t ordered[kIntegerBlock];
    for (size_t part = 0; part < kIntegerBlock; part += 4 * lanes)
      for (size_t k = 0; k < 4 * lanes; ++k) ordered[part + k % 4 * lanes + k / 4] = block[part + k];
    std::copy(ordered, ordered + kIntegerBlock, block);
    const auto minus_eight = hn::Set(d, -8);
    const size_t sums_of_part = hn::Lanes(I32());
    for (size_t part = 0; part < kIntegerBlock / (4 * lanes); ++part) {
      auto sum = hn::Zero(I32()), rest = hn::Zero(I32());
      for (size_t k = 0; k < 4; ++k)
        sum = AddProducts(hn::LoadU(d, block + (part * 4 + k) * lanes), minus_eight, sum, rest);
      hn::StoreU(hn::Add(sum, rest), I32(), sums + part * sums_of_part);
    }
  }
}

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
