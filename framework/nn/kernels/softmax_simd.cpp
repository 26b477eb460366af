#include "framework/nn/kernels/softmax_simd.h"

#include <algorithm>
#include <limits>

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/nn/kernels/softmax_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "framework/nn/kernels/steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

HWY_INLINE void StoreBF16(Vector value, uint16_t* to) {
  const hn::RebindToUnsigned<F32> u;
  const hn::Rebind<uint16_t, F32> half;
  hn::StoreU(hn::TruncateTo(half, hn::ShiftRight<16>(hn::BitCast(u, Rounded<uint16_t>(value)))), half, to);
}

float SoftmaxWeights(float* scores, size_t seen, size_t padded, float scale) {
  const F32 d;
  const size_t lanes = hn::Lanes(d);
  std::fill(scores + seen, scores + padded, -std::numeric_limits<float>::infinity());
  Vector most = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (size_t i = 0; i < seen; i += lanes) most = hn::Max(most, hn::LoadU(d, scores + i));
  most = hn::MaxOfLanes(d, most);
  const Vector factor = hn::Set(d, scale);
  Vector sum = hn::Zero(d);
  auto* const weights = reinterpret_cast<uint16_t*>(scores);  // never ahead of what is still to be read
  for (size_t i = 0; i < padded; i += lanes) {
    Vector value = hn::Zero(d);
    if (i < seen) value = hn::Exp(d, hn::Mul(factor, hn::Sub(hn::LoadU(d, scores + i), most)));
    sum = hn::Add(sum, value);
    StoreBF16(value, weights + i);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void Scaled(const float* sums, float factor, size_t count, uint16_t* out) {
  const F32 d;
  const size_t lanes = hn::Lanes(d);
  const Vector by = hn::Set(d, factor);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) StoreBF16(hn::Mul(by, hn::LoadU(d, sums + i)), out + i);
  for (; i < count; ++i) Round(factor * sums[i], out[i]);
}

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flam::kernels {

HWY_EXPORT(SoftmaxWeights);
HWY_EXPORT(Scaled);

float softmax_weights(float* scores, size_t seen, size_t padded, float scale) {
  return HWY_DYNAMIC_DISPATCH(SoftmaxWeights)(scores, seen, padded, scale);
}
void scaled(const float* sums, float factor, size_t count, uint16_t* out) {
  HWY_DYNAMIC_DISPATCH(Scaled)(sums, factor, count, out);
}

}  // namespace flam::kernels
#endif
