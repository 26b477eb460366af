#pragma once
#include <cstddef>
#include <cstdint>

namespace flam::kernels {

/// Rows of the weight that are worked on together.
constexpr size_t kPanel = 12;
/// Most rows of x for which one pass over the weights computes.
constexpr size_t kGroup = 8;

/// One group of rows of x, packed for the vectors of this machine.
struct PackedRows {
  const float* values;  // steps of `rows` × the elements of one step; elements beyond `in` are 0
  size_t rows, in;
};

/// A weight [out,in] and a bias [out] or nullptr: float, or the bits of bfloat16.
template <typename T>
struct DenseWeight {
  const T* weight;
  const T* bias;
  size_t in, out;
};

/// Whether the best kind of vectors that this machine has is one that the kernels gain from.
bool has_vectors();
/// The kind of vectors that kernels run on, one of Highway's HWY_AVX2, HWY_AVX3, …. Highway's own
/// SupportedTargets() asks the processor anew with each call, which takes 40 µs in a virtual machine.
int64_t vector_target();

/// The numbers that a group of `rows` rows takes when packed.
size_t packed_size(size_t rows, size_t in);
void pack(const float* x, size_t rows, size_t in, float* packed);
void pack(const uint16_t* x, size_t rows, size_t in, float* packed);

/// Computes the outputs of weight rows first … last − 1, for one group: y [rows,out].
void multiply(const PackedRows& x, const DenseWeight<float>& w, size_t first, size_t last, float* y);
void multiply(const PackedRows& x, const DenseWeight<uint16_t>& w, size_t first, size_t last, uint16_t* y);

}  // namespace flam::kernels
