// Written with Highway: this file is compiled once for every kind of vectors, and the best kind is chosen at
// run time.
//
// A step is two vectors of inputs. The packed x has, for each step, the step of each row, so that it is read
// in order; for bfloat16 weights, even inputs come before odd ones, because a register of bfloat16 pairs is
// split by a shift and a mask. Blocks of steps are as long as keeps their part of x in the first cache, and a
// panel of weight rows keeps its sums while it walks over them.
#include "framework/nn/kernels/few_rows_simd.h"

#include <algorithm>

// SSE4 and less gain nothing over libtorch, and arrays can't hold SVE's vectors.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "framework/nn/kernels/few_rows_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "framework/nn/kernels/steps-inl.h"

HWY_BEFORE_NAMESPACE();
namespace flam::kernels::HWY_NAMESPACE {

constexpr size_t kBlockBytes = 16384;  // of x, half of the first cache

bool HasVectors() {
  return HWY_TARGET != HWY_SCALAR;
}
int64_t Target() {
  return HWY_TARGET;
}
size_t Step() {
  return StepSize();
}

/// Adds the products of `steps` steps of R rows with W weight rows, `in` apart, to sums [W,R,lanes]. `ahead`:
/// what to fetch, as many elements after each weight row.
template <size_t R, size_t W, typename T>
void Accumulate(const float* HWY_RESTRICT x, const T* HWY_RESTRICT w, size_t in, size_t steps,
                ptrdiff_t ahead, float* HWY_RESTRICT sums) {
  const F32 d;
  const size_t lanes = hn::Lanes(d);
  Vector sum[W][R];
  LoadSums<R, W>(sums, sum);
  for (size_t s = 0; s < steps; ++s, w += 2 * lanes, x += 2 * lanes * R) {
    for (size_t j = 0; j < W; ++j) {
      const T* const row = w + j * in;
      __builtin_prefetch(row + ahead, 0, 2);
      if (sizeof(T) * 2 * lanes > 64) __builtin_prefetch(row + ahead + lanes, 0, 2);
      Vector first, second;
      LoadStep(row, first, second);
      for (size_t r = 0; r < R; ++r)
        sum[j][r] = hn::MulAdd(first, hn::LoadU(d, x + 2 * r * lanes), sum[j][r]);
      for (size_t r = 0; r < R; ++r)
        sum[j][r] = hn::MulAdd(second, hn::LoadU(d, x + (2 * r + 1) * lanes), sum[j][r]);
    }
  }
  StoreSums<R, W>(sum, sums);
}

/// The outputs of `count` ≤ kPanel rows of the weight, beginning with row n.
template <size_t R, typename T>
void Panel(const PackedRows& x, const DenseWeight<T>& w, size_t n, size_t count, T* y) {
  constexpr size_t W = kManyRegisters ? (R <= 6 ? 4 : 3) : (R <= 2 ? 4 : R <= 4 ? 2 : 1);
  static_assert(kPanel % W == 0);
  const F32 d;
  const size_t lanes = hn::Lanes(d), step = 2 * lanes, in = x.in;
  HWY_ALIGN float sums[kPanel * R * hn::MaxLanes(F32())];
  std::fill(sums, sums + count * R * lanes, 0.0F);

  const size_t whole = in / step, block = std::max<size_t>(kBlockBytes / (R * step * sizeof(float)), 1);
  for (size_t s = 0; s < whole; s += block) {
    const size_t steps = std::min(block, whole - s);
    // What these rows need next: their next block, or the beginning of the rows of the next panel.
    const bool last_block = s + block >= whole;
    ptrdiff_t ahead = static_cast<ptrdiff_t>(steps * step);
    if (last_block) ahead = static_cast<ptrdiff_t>(kPanel * in) - static_cast<ptrdiff_t>(s * step);
    const float* const values = x.values + s * step * R;
    const T* const rows = w.weight + n * in + s * step;
    size_t j = 0;
    for (; j + W <= count; j += W)
      Accumulate<R, W>(values, rows + j * in, in, steps, ahead, sums + j * R * lanes);
    for (; j < count; ++j) Accumulate<R, 1>(values, rows + j * in, in, steps, ahead, sums + j * R * lanes);
  }
  if (whole * step < in) {
    HWY_ALIGN T rest[2 * hn::MaxLanes(F32())] = {};
    for (size_t j = 0; j < count; ++j) {
      std::copy(w.weight + (n + j) * in + whole * step, w.weight + (n + j + 1) * in, rest);
      Accumulate<R, 1>(x.values + whole * step * R, rest, in, 1, 0, sums + j * R * lanes);
    }
  }
  for (size_t j = 0; j < count; ++j) {
    const float bias = w.bias ? ToFloat(w.bias[n + j]) : 0.0F;
    for (size_t r = 0; r < R; ++r) {
      const float sum = hn::GetLane(hn::SumOfLanes(d, hn::Load(d, sums + (j * R + r) * lanes)));
      Round(w.bias ? sum + bias : sum, y[r * w.out + n + j]);
    }
  }
}

template <size_t R, typename T>
void Panels(const PackedRows& x, const DenseWeight<T>& w, size_t first, size_t last, T* y) {
  for (size_t n = first; n < last; n += kPanel) Panel<R>(x, w, n, std::min(kPanel, last - n), y);
}

template <typename T>
void Multiply(const PackedRows& x, const DenseWeight<T>& w, size_t first, size_t last, T* y) {
  switch (x.rows) {
    case 1:
      return Panels<1>(x, w, first, last, y);
    case 2:
      return Panels<2>(x, w, first, last, y);
    case 3:
      return Panels<3>(x, w, first, last, y);
    case 4:
      return Panels<4>(x, w, first, last, y);
    case 5:
      return Panels<5>(x, w, first, last, y);
    case 6:
      return Panels<6>(x, w, first, last, y);
    case 7:
      return Panels<7>(x, w, first, last, y);
    default:
      return Panels<8>(x, w, first, last, y);
  }
}

void PackF32(const float* x, size_t rows, size_t in, float* packed) {
  PackRows(x, static_cast<ptrdiff_t>(in), rows, in, packed);
}
void PackBF16(const uint16_t* x, size_t rows, size_t in, float* packed) {
  PackRows(x, static_cast<ptrdiff_t>(in), rows, in, packed);
}
void MultiplyF32(const PackedRows& x, const DenseWeight<float>& w, size_t first, size_t last, float* y) {
  Multiply(x, w, first, last, y);
}
void MultiplyBF16(const PackedRows& x, const DenseWeight<uint16_t>& w, size_t first, size_t last,
                  uint16_t* y) {
  Multiply(x, w, first, last, y);
}

}  // namespace flam::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace flam::kernels {

HWY_EXPORT(HasVectors);
HWY_EXPORT(Target);
HWY_EXPORT(Step);
HWY_EXPORT(PackF32);
HWY_EXPORT(PackBF16);
HWY_EXPORT(MultiplyF32);
HWY_EXPORT(MultiplyBF16);

bool has_vectors() {
  return HWY_DYNAMIC_DISPATCH(HasVectors)();
}

int64_t vector_target() {
  return HWY_DYNAMIC_DISPATCH(Target)();
}

size_t packed_size(size_t rows, size_t in) {
  const size_t step = HWY_DYNAMIC_DISPATCH(Step)();
  return (in + step - 1) / step * step * rows;
}

void pack(const float* x, size_t rows, size_t in, float* packed) {
  HWY_DYNAMIC_DISPATCH(PackF32)(x, rows, in, packed);
}

void pack(const uint16_t* x, size_t rows, size_t in, float* packed) {
  HWY_DYNAMIC_DISPATCH(PackBF16)(x, rows, in, packed);
}

void multiply(const PackedRows& x, const DenseWeight<float>& w, size_t first, size_t last, float* y) {
  HWY_DYNAMIC_DISPATCH(MultiplyF32)(x, w, first, last, y);
}

void multiply(const PackedRows& x, const DenseWeight<uint16_t>& w, size_t first, size_t last, uint16_t* y) {
  HWY_DYNAMIC_DISPATCH(MultiplyBF16)(x, w, first, last, y);
}

}  // namespace flam::kernels
#endif
