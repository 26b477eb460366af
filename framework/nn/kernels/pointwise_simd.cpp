#include "framework/nn/kernels/pointwise_simd.h"

#include <cmath>

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/nn/kernels/pointwise_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "framework/nn/kernels/steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

/// x / (1 + exp(−t)). Exponents are limited to those of finite results.
HWY_INLINE Vector TimesSigmoid(Vector x, Vector t) {
  const F32 d;
  const Vector exponent = hn::Max(hn::Min(hn::Neg(t), hn::Set(d, 88.0F)), hn::Set(d, -88.0F));
  return hn::Div(x, hn::Add(hn::Exp(d, exponent), hn::Set(d, 1.0F)));
}

/// ½·x·(1 + tanh(u)) = x · sigmoid(2·u), u = √(2/π)·(x + 0.044715·x³)
HWY_INLINE Vector GeluTanh(Vector x) {
  const F32 d;
  const Vector square = hn::Mul(x, x);
  const Vector slope =
      hn::MulAdd(square, hn::Set(d, 2 * 0.7978845608F * 0.044715F), hn::Set(d, 2 * 0.7978845608F));
  return TimesSigmoid(x, hn::Mul(x, slope));
}

/// x · sigmoid(1.702·x)
template <typename T>
HWY_INLINE Vector QuickGelu(Vector x) {
  const F32 d;
  const Vector t = Rounded<T>(hn::Mul(x, hn::Set(d, 1.702F)));
  return hn::Mul(x, Rounded<T>(TimesSigmoid(hn::Set(d, 1.0F), t)));
}

template <typename T>
void RmsNormRow(const T* HWY_RESTRICT x, const T* HWY_RESTRICT weight, size_t width, float eps,
                T* HWY_RESTRICT y) {
  const F32 d;
  const size_t step = StepSize();
  Vector first, second, sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  for (size_t k = 0; k < width; k += step) {
    LoadPart(x + k, width - k, first, second);
    sum0 = hn::MulAdd(first, first, sum0);
    sum1 = hn::MulAdd(second, second, sum1);
  }
  const float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  const Vector scale = hn::Set(d, 1.0F / std::sqrt(sum / static_cast<float>(width) + eps));
  for (size_t k = 0; k < width; k += step) {
    Vector weight0, weight1;
    LoadPart(x + k, width - k, first, second);
    LoadPart(weight + k, width - k, weight0, weight1);
    StorePart(hn::Mul(weight0, Rounded<T>(hn::Mul(first, scale))),
              hn::Mul(weight1, Rounded<T>(hn::Mul(second, scale))), width - k, y + k);
  }
}

template <typename T, class Function>
HWY_INLINE void Apply(const T* HWY_RESTRICT x, size_t count, T* HWY_RESTRICT y, const Function& function) {
  const size_t step = StepSize();
  for (size_t k = 0; k < count; k += step) {
    Vector first, second;
    LoadPart(x + k, count - k, first, second);
    StorePart(function(first), function(second), count - k, y + k);
  }
}

template <typename T>
void GeluTanhOf(const T* x, size_t count, T* y) {
  Apply(x, count, y, [](Vector v) { return GeluTanh(v); });
}

template <typename T>
void QuickGeluOf(const T* x, size_t count, T* y) {
  Apply(x, count, y, [](Vector v) { return QuickGelu<T>(v); });
}

template <typename T>
void SiluProductOf(const T* HWY_RESTRICT gate, const T* HWY_RESTRICT up, size_t count, T* HWY_RESTRICT y) {
  const size_t step = StepSize();
  for (size_t k = 0; k < count; k += step) {
    Vector gate0, gate1, up0, up1;
    LoadPart(gate + k, count - k, gate0, gate1);
    LoadPart(up + k, count - k, up0, up1);
    StorePart(hn::Mul(Rounded<T>(TimesSigmoid(gate0, gate0)), up0),
              hn::Mul(Rounded<T>(TimesSigmoid(gate1, gate1)), up1), count - k, y + k);
  }
}

template <typename T>
void RotateRow(const T* HWY_RESTRICT x, const T* HWY_RESTRICT cos, const T* HWY_RESTRICT sin, size_t half,
               T* HWY_RESTRICT y) {
  const size_t step = StepSize();
  for (size_t k = 0; k < half; k += step) {
    const size_t left = half - k;
    Vector a0, a1, b0, b1, cos0, cos1, sin0, sin1;
    LoadPart(x + k, left, a0, a1);
    LoadPart(x + half + k, left, b0, b1);
    LoadPart(cos + k, left, cos0, cos1);
    LoadPart(sin + k, left, sin0, sin1);
    StorePart(hn::NegMulAdd(b0, sin0, Rounded<T>(hn::Mul(a0, cos0))),
              hn::NegMulAdd(b1, sin1, Rounded<T>(hn::Mul(a1, cos1))), left, y + k);
    LoadPart(cos + half + k, left, cos0, cos1);
    LoadPart(sin + half + k, left, sin0, sin1);
    StorePart(hn::MulAdd(a0, sin0, Rounded<T>(hn::Mul(b0, cos0))),
              hn::MulAdd(a1, sin1, Rounded<T>(hn::Mul(b1, cos1))), left, y + half + k);
  }
}

// Highway exports no templates.
void RmsNormF32(const float* x, const float* weight, size_t width, float eps, float* y) {
  RmsNormRow(x, weight, width, eps, y);
}
void RmsNormBF16(const uint16_t* x, const uint16_t* weight, size_t width, float eps, uint16_t* y) {
  RmsNormRow(x, weight, width, eps, y);
}
void GeluTanhF32(const float* x, size_t count, float* y) {
  GeluTanhOf(x, count, y);
}
void GeluTanhBF16(const uint16_t* x, size_t count, uint16_t* y) {
  GeluTanhOf(x, count, y);
}
void QuickGeluF32(const float* x, size_t count, float* y) {
  QuickGeluOf(x, count, y);
}
void QuickGeluBF16(const uint16_t* x, size_t count, uint16_t* y) {
  QuickGeluOf(x, count, y);
}
void SiluProductF32(const float* gate, const float* up, size_t count, float* y) {
  SiluProductOf(gate, up, count, y);
}
void SiluProductBF16(const uint16_t* gate, const uint16_t* up, size_t count, uint16_t* y) {
  SiluProductOf(gate, up, count, y);
}
void RotateF32(const float* x, const float* cos, const float* sin, size_t half, float* y) {
  RotateRow(x, cos, sin, half, y);
}
void RotateBF16(const uint16_t* x, const uint16_t* cos, const uint16_t* sin, size_t half, uint16_t* y) {
  RotateRow(x, cos, sin, half, y);
}

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flam::kernels {

HWY_EXPORT(RmsNormF32);
HWY_EXPORT(RmsNormBF16);
HWY_EXPORT(GeluTanhF32);
HWY_EXPORT(GeluTanhBF16);
HWY_EXPORT(QuickGeluF32);
HWY_EXPORT(QuickGeluBF16);
HWY_EXPORT(SiluProductF32);
HWY_EXPORT(SiluProductBF16);
HWY_EXPORT(RotateF32);
HWY_EXPORT(RotateBF16);

void rms_norm_row(const float* x, const float* weight, size_t width, float eps, float* y) {
  HWY_DYNAMIC_DISPATCH(RmsNormF32)(x, weight, width, eps, y);
}
void rms_norm_row(const uint16_t* x, const uint16_t* weight, size_t width, float eps, uint16_t* y) {
  HWY_DYNAMIC_DISPATCH(RmsNormBF16)(x, weight, width, eps, y);
}
void gelu_tanh_of(const float* x, size_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(GeluTanhF32)(x, count, y);
}
void gelu_tanh_of(const uint16_t* x, size_t count, uint16_t* y) {
  HWY_DYNAMIC_DISPATCH(GeluTanhBF16)(x, count, y);
}
void quick_gelu_of(const float* x, size_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(QuickGeluF32)(x, count, y);
}
void quick_gelu_of(const uint16_t* x, size_t count, uint16_t* y) {
  HWY_DYNAMIC_DISPATCH(QuickGeluBF16)(x, count, y);
}
void silu_product_of(const float* gate, const float* up, size_t count, float* y) {
  HWY_DYNAMIC_DISPATCH(SiluProductF32)(gate, up, count, y);
}
void silu_product_of(const uint16_t* gate, const uint16_t* up, size_t count, uint16_t* y) {
  HWY_DYNAMIC_DISPATCH(SiluProductBF16)(gate, up, count, y);
}
void rotate_row(const float* x, const float* cos, const float* sin, size_t half, float* y) {
  HWY_DYNAMIC_DISPATCH(RotateF32)(x, cos, sin, half, y);
}
void rotate_row(const uint16_t* x, const uint16_t* cos, const uint16_t* sin, size_t half, uint16_t* y) {
  HWY_DYNAMIC_DISPATCH(RotateBF16)(x, cos, sin, half, y);
}

}  // namespace flam::kernels
#endif
