#pragma once
#include <cstddef>
#include <cstdint>

namespace flam::kernels {

/// Keys and values of one head: `length` rows, `stride` elements apart. T: float, or the bits of bfloat16.
template <typename T>
struct KeyValueRows {
  const T *keys, *values;
  size_t length;
  ptrdiff_t key_stride, value_stride;
};

/// The queries of one row that share a key head: `group` rows, `stride` elements apart, each `width` wide.
template <typename T>
struct QueryGroup {
  const T* queries;
  ptrdiff_t stride;
  size_t group, width;
  float scale;  // of the scores
};

/// The floats that attend_one() needs to work in.
size_t attention_room(size_t group, size_t width, size_t length);
/// Softmax attention to the prompt's rows, to whose scores `bias` is added, and to those of the tail → out
/// [group,width].
void attend_one(const QueryGroup<float>& q, const KeyValueRows<float>& prompt, const float* bias,
                const KeyValueRows<float>& tail, float* room, float* out);
void attend_one(const QueryGroup<uint16_t>& q, const KeyValueRows<uint16_t>& prompt, const float* bias,
                const KeyValueRows<uint16_t>& tail, float* room, uint16_t* out);

}  // namespace flam::kernels
