// What the kernels share, compiled for each kind of vectors: bfloat16 as float32, and steps of two vectors.
#if defined(FLAM_KERNELS_STEPS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef FLAM_KERNELS_STEPS_INL_H
#undef FLAM_KERNELS_STEPS_INL_H
#else
#define FLAM_KERNELS_STEPS_INL_H
#endif
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using F32 = hn::ScalableTag<float>;
using Vector = hn::Vec<F32>;

HWY_INLINE size_t StepSize() {
  return 2 * hn::Lanes(F32());
}

HWY_INLINE float ToFloat(float value) {
  return value;
}
HWY_INLINE float ToFloat(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

HWY_INLINE void Round(float value, float& out) {
  out = value;
}
HWY_INLINE void Round(float value, uint16_t& out) {  // to nearest even, as c10::BFloat16
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  out = value != value ? 0x7FC0 : static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

/// Where element i of a step of T lies when packed: for bfloat16, even elements come before odd ones, as
/// LoadStep() gives them.
template <typename T>
HWY_INLINE size_t PlaceInStep(size_t i) {
  return sizeof(T) == 4 ? i : i / 2 + (i % 2) * hn::Lanes(F32());
}

/// Rows, `stride` elements apart, → steps of `rows` × the elements of a step; elements beyond `in` are 0.
template <typename T>
HWY_INLINE void PackRows(const T* HWY_RESTRICT x, ptrdiff_t stride, size_t rows, size_t in,
                         float* HWY_RESTRICT packed) {
  const size_t step = StepSize();
  for (size_t k = 0; k < in; k += step) {
    for (size_t r = 0; r < rows; ++r, packed += step) {
      const T* const row = x + static_cast<ptrdiff_t>(r) * stride + k;
      for (size_t i = 0; i < step; ++i) packed[PlaceInStep<T>(i)] = k + i < in ? ToFloat(row[i]) : 0.0F;
    }
  }
}

HWY_INLINE void LoadStep(const float* from, Vector& first, Vector& second) {
  const F32 d;
  first = hn::LoadU(d, from);
  second = hn::LoadU(d, from + hn::Lanes(d));
}

HWY_INLINE void LoadStep(const uint16_t* from, Vector& even, Vector& odd) {
  const F32 d;
#if HWY_TARGET == HWY_SCALAR
  even = hn::Set(d, ToFloat(from[0]));
  odd = hn::Set(d, ToFloat(from[1]));
#else
  const hn::RebindToUnsigned<F32> bits;
  const auto pairs = hn::BitCast(bits, hn::LoadU(hn::Repartition<uint16_t, F32>(), from));
  even = hn::BitCast(d, hn::ShiftLeft<16>(pairs));
  odd = hn::BitCast(d, hn::And(pairs, hn::Set(bits, 0xFFFF0000U)));
#endif
}

/// The two vectors of one step of a row of which `left` elements are left; elements beyond them are 0.
template <typename T>
HWY_INLINE void LoadPart(const T* from, size_t left, Vector& first, Vector& second) {
  const size_t step = StepSize();
  if (left >= step) return LoadStep(from, first, second);
  HWY_ALIGN T rest[2 * hn::MaxLanes(F32())] = {};
  std::copy(from, from + left, rest);
  LoadStep(rest, first, second);
}

/// Whether there are more than 16 registers for sums and what they are made of.
#if HWY_TARGET == HWY_AVX2
constexpr bool kManyRegisters = false;
#else
constexpr bool kManyRegisters = true;
#endif

/// The sums [W,R,lanes] that a panel of weight rows keeps between blocks.
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

/// Values as they are after being stored in T.
template <typename T>
HWY_INLINE Vector Rounded(Vector value) {
  if constexpr (sizeof(T) == 4) return value;
  const F32 d;
  const hn::RebindToUnsigned<F32> u;
  const auto bits = hn::BitCast(u, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1));
  const auto nearest = hn::And(hn::Add(bits, hn::Add(odd, hn::Set(u, 0x7FFF))), hn::Set(u, 0xFFFF0000U));
  return hn::IfThenElse(hn::IsNaN(value), hn::BitCast(d, hn::Set(u, 0x7FC00000U)), hn::BitCast(d, nearest));
}

HWY_INLINE void StoreStep(Vector first, Vector second, float* to) {
  const F32 d;
  hn::StoreU(first, d, to);
  hn::StoreU(second, d, to + hn::Lanes(d));
}

HWY_INLINE void StoreStep(Vector even, Vector odd, uint16_t* to) {
#if HWY_TARGET == HWY_SCALAR
  Round(hn::GetLane(even), to[0]);
  Round(hn::GetLane(odd), to[1]);
#else
  const hn::RebindToUnsigned<F32> u;
  const auto low = hn::ShiftRight<16>(hn::BitCast(u, Rounded<uint16_t>(even)));
  const auto pairs = hn::Or(low, hn::BitCast(u, Rounded<uint16_t>(odd)));
  const hn::Repartition<uint16_t, F32> halves;
  hn::StoreU(hn::BitCast(halves, pairs), halves, to);
#endif
}

/// Stores the first `left` elements of a step.
template <typename T>
HWY_INLINE void StorePart(Vector first, Vector second, size_t left, T* to) {
  if (left >= StepSize()) return StoreStep(first, second, to);
  HWY_ALIGN T rest[2 * hn::MaxLanes(F32())];
  StoreStep(first, second, rest);
  std::copy(rest, rest + left, to);
}

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
