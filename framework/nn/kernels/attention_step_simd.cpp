// Queries, sums and rows of keys and values are read in steps of two vectors (steps-inl.h). All queries of a
// group are multiplied with a key while it is in registers.
#include "framework/nn/kernels/attention_step_simd.h"

#include <algorithm>
#include <limits>

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/nn/kernels/attention_step_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "framework/nn/kernels/steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

size_t Padded(size_t count) {
  return (count + StepSize() - 1) / StepSize() * StepSize();
}
size_t Room(size_t group, size_t width, size_t length) {
  return group * (2 * Padded(width) + Padded(length)) + StepSize();
}

/// scores[g · stride + i] = key i · query g
template <typename T>
void Scores(const float* HWY_RESTRICT queries, size_t group, size_t width, const KeyValueRows<T>& rows,
            float scale, float* HWY_RESTRICT scores, size_t stride) {
  const F32 d;
  const size_t lanes = hn::Lanes(d), step = 2 * lanes;
  for (size_t i = 0; i < rows.length; ++i) {
    const T* const key = rows.keys + static_cast<ptrdiff_t>(i) * rows.key_stride;
    for (size_t g = 0; g < group; ++g) {
      Vector sum0 = hn::Zero(d), sum1 = hn::Zero(d);
      for (size_t k = 0; k < width; k += step) {
        Vector first, second;
        LoadPart(key + k, width - k, first, second);
        const float* const query = queries + k * group + g * step;
        sum0 = hn::MulAdd(first, hn::LoadU(d, query), sum0);
        sum1 = hn::MulAdd(second, hn::LoadU(d, query + lanes), sum1);
      }
      scores[g * stride + i] = scale * hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
    }
  }
}

/// exp(score − largest), with 0 up to the next whole step. Returns the sum.
HWY_INLINE float Exponentials(float* scores, size_t length) {
  const F32 d;
  const size_t lanes = hn::Lanes(d), padded = Padded(length);
  std::fill(scores + length, scores + padded, -std::numeric_limits<float>::infinity());
  Vector most = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (size_t i = 0; i < padded; i += lanes) most = hn::Max(most, hn::LoadU(d, scores + i));
  most = hn::MaxOfLanes(d, most);
  Vector sum = hn::Zero(d);
  for (size_t i = 0; i < padded; i += lanes) {
    const Vector value = hn::Exp(d, hn::Sub(hn::LoadU(d, scores + i), most));
    hn::StoreU(value, d, scores + i);
    sum = hn::Add(sum, value);
  }
  std::fill(scores + length, scores + padded, 0.0F);
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

/// sums, packed as the queries, += weights · values
template <typename T>
void Values(const float* HWY_RESTRICT weights, size_t stride, size_t group, size_t width,
            const KeyValueRows<T>& rows, float* HWY_RESTRICT sums) {
  const F32 d;
  const size_t lanes = hn::Lanes(d), step = 2 * lanes;
  for (size_t i = 0; i < rows.length; ++i) {
    const T* const value = rows.values + static_cast<ptrdiff_t>(i) * rows.value_stride;
    for (size_t k = 0; k < width; k += step) {
      Vector first, second;
      LoadPart(value + k, width - k, first, second);
      for (size_t g = 0; g < group; ++g) {
        const Vector weight = hn::Set(d, weights[g * stride + i]);
        float* const sum = sums + k * group + g * step;
        hn::StoreU(hn::MulAdd(weight, first, hn::LoadU(d, sum)), d, sum);
        hn::StoreU(hn::MulAdd(weight, second, hn::LoadU(d, sum + lanes)), d, sum + lanes);
      }
    }
  }
}

template <typename T>
void Attend(const QueryGroup<T>& q, const KeyValueRows<T>& prompt, const float* bias,
            const KeyValueRows<T>& tail, float* room, T* out) {
  const size_t group = q.group, width = q.width, length = prompt.length + tail.length;
  const size_t step = StepSize(), stride = Padded(length);
  float* const queries = room;
  float* const sums = queries + group * Padded(width);
  float* const scores = sums + group * Padded(width);
  PackRows(q.queries, q.stride, group, width, queries);
  Scores(queries, group, width, prompt, q.scale, scores, stride);
  Scores(queries, group, width, tail, q.scale, scores + prompt.length, stride);
  std::fill(sums, sums + group * Padded(width), 0.0F);
  for (size_t g = 0; g < group; ++g) {
    float* const own = scores + g * stride;
    for (size_t i = 0; i < prompt.length; ++i) own[i] += bias[i];
    const float inverse = 1.0F / Exponentials(own, length);
    for (size_t i = 0; i < length; ++i) own[i] *= inverse;
  }
  Values(scores, stride, group, width, prompt, sums);
  Values(scores + prompt.length, stride, group, width, tail, sums);
  for (size_t g = 0; g < group; ++g) {
    for (size_t k = 0; k < width; ++k) {
      const size_t place = PlaceInStep<T>(k % step);
      Round(sums[(k - k % step) * group + g * step + place], out[g * width + k]);
    }
  }
}

void AttendF32(const QueryGroup<float>& q, const KeyValueRows<float>& prompt, const float* bias,
               const KeyValueRows<float>& tail, float* room, float* out) {
  Attend(q, prompt, bias, tail, room, out);
}
void AttendBF16(const QueryGroup<uint16_t>& q, const KeyValueRows<uint16_t>& prompt, const float* bias,
                const KeyValueRows<uint16_t>& tail, float* room, uint16_t* out) {
  Attend(q, prompt, bias, tail, room, out);
}

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flam::kernels {

HWY_EXPORT(Room);
HWY_EXPORT(AttendF32);
HWY_EXPORT(AttendBF16);

size_t attention_room(size_t group, size_t width, size_t length) {
  return HWY_DYNAMIC_DISPATCH(Room)(group, width, length);
}

void attend_one(const QueryGroup<float>& q, const KeyValueRows<float>& prompt, const float* bias,
                const KeyValueRows<float>& tail, float* room, float* out) {
  HWY_DYNAMIC_DISPATCH(AttendF32)(q, prompt, bias, tail, room, out);
}

void attend_one(const QueryGroup<uint16_t>& q, const KeyValueRows<uint16_t>& prompt, const float* bias,
                const KeyValueRows<uint16_t>& tail, float* room, uint16_t* out) {
  HWY_DYNAMIC_DISPATCH(AttendBF16)(q, prompt, bias, tail, room, out);
}

}  // namespace flam::kernels
#endif
