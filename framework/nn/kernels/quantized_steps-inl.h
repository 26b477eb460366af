// Steps of quantised weights as float32, compiled for each kind of vectors.
#if defined(FLAM_KERNELS_QUANTIZED_STEPS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef FLAM_KERNELS_QUANTIZED_STEPS_INL_H
#undef FLAM_KERNELS_QUANTIZED_STEPS_INL_H
#else
#define FLAM_KERNELS_QUANTIZED_STEPS_INL_H
#endif
#include "framework/nn/kernels/quantized_simd.h"
#include "framework/nn/kernels/steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

using Integers = hn::RebindToSigned<F32>;

HWY_INLINE void LoadStep(const int8_t* from, Vector& first, Vector& second) {
  const F32 d;
  const Integers wide;
  const hn::Rebind<int8_t, F32> narrow;
  first = hn::ConvertTo(d, hn::PromoteTo(wide, hn::LoadU(narrow, from)));
  second = hn::ConvertTo(d, hn::PromoteTo(wide, hn::LoadU(narrow, from + hn::Lanes(d))));
}

/// The even and odd levels, 0 … 15, of a step of pairs.
HWY_INLINE void LoadLevels(const uint8_t* from, Vector& even, Vector& odd) {
  const F32 d;
  const Integers wide;
  const auto pairs = hn::PromoteTo(wide, hn::LoadU(hn::Rebind<uint8_t, F32>(), from));
  even = hn::ConvertTo(d, hn::And(pairs, hn::Set(wide, 15)));
  odd = hn::ConvertTo(d, hn::ShiftRight<4>(pairs));
}

HWY_INLINE void StoreVector(Vector value, float* to) {
  hn::StoreU(value, F32(), to);
}
HWY_INLINE void StoreVector(Vector value, uint16_t* to) {
#if HWY_TARGET == HWY_SCALAR
  Round(hn::GetLane(value), to[0]);
#else
  const auto bits = hn::BitCast(hn::RebindToUnsigned<F32>(), Rounded<uint16_t>(value));
  const hn::Rebind<uint16_t, F32> narrow;
  hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(Integers(), hn::ShiftRight<16>(bits))), narrow, to);
#endif
}

HWY_INLINE void Numbers(const Int8Weight& w, size_t row, float* out) {
  const F32 d;
  const size_t step = StepSize();
  const auto scale = hn::Set(d, w.scales[row]);
  const int8_t* const values = w.values + row * w.in;
  size_t k = 0;
  Vector first, second;
  for (; k + step <= w.in; k += step) {
    LoadStep(values + k, first, second);
    StoreStep(hn::Mul(first, scale), hn::Mul(second, scale), out + k);
  }
  for (; k < w.in; ++k) out[k] = static_cast<float>(values[k]) * w.scales[row];
}

HWY_INLINE void Numbers(const Int8Weight& w, size_t row, uint16_t* out) {
  const F32 d;
  const size_t lanes = hn::Lanes(d), step = 2 * lanes;
  const auto scale = hn::Set(d, w.scales[row]);
  const int8_t* const values = w.values + row * w.in;
  size_t k = 0;
  Vector first, second;
  for (; k + step <= w.in; k += step) {
    LoadStep(values + k, first, second);
    StoreVector(hn::Mul(first, scale), out + k);
    StoreVector(hn::Mul(second, scale), out + k + lanes);
  }
  for (; k < w.in; ++k) Round(static_cast<float>(values[k]) * w.scales[row], out[k]);
}

HWY_INLINE void StorePairs(Vector even, Vector odd, float* to) {
#if HWY_TARGET == HWY_SCALAR
  to[0] = hn::GetLane(even);
  to[1] = hn::GetLane(odd);
#else
  hn::StoreInterleaved2(even, odd, F32(), to);
#endif
}
HWY_INLINE void StorePairs(Vector even, Vector odd, uint16_t* to) {
  StoreStep(even, odd, to);
}

template <typename T>
HWY_INLINE void Numbers(const Int4Weight& w, size_t row, T* out) {
  const F32 d;
  const size_t step = StepSize();
  const uint8_t* const values = w.values + row * w.in / 2;
  const uint16_t* const scales = w.scales + row * (w.in / w.group);
  Vector even, odd;
  for (size_t k = 0; k < w.in; k += step) {
    const float scale = ToFloat(scales[k / w.group]);
    LoadLevels(values + k / 2, even, odd);
    const auto times = hn::Set(d, scale), plus = hn::Set(d, -8 * scale);
    StorePairs(hn::MulAdd(even, times, plus), hn::MulAdd(odd, times, plus), out + k);
  }
}

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
