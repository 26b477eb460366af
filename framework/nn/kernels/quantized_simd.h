#pragma once
#include <cstddef>
#include <cstdint>

#include "framework/nn/kernels/integer_rows.h"

namespace flam::kernels {

/// A weight [out,in] with a scale for each row.
struct Int8Weight {
  const int8_t* values;
  const float* scales;
  size_t in, out;
};

/// A weight [out,in], two numbers in a byte: the even one in the low bits, each 8 more than its value. A
/// scale, the bits of bfloat16, for each `group` numbers of a row; `group` is 32, 64, 128 or 256, and `in` a
/// multiple of it.
struct Int4Weight {
  const uint8_t* values;
  const uint16_t* scales;
  size_t group, in, out;
};

/// Fills a group of rows from x [rows,in], for one kind of weight. T: float, or the bits of bfloat16.
template <typename T>
void pack_for_int8(const T* x, const IntegerRows& out);
template <typename T>
void pack_for_int4(const T* x, const IntegerRows& out);
/// The outputs of weight rows first … last − 1 for one group: y [rows,out]. `bias` may be nullptr.
template <typename T>
void multiply(const IntegerRows& x, const Int8Weight& w, const T* bias, size_t first, size_t last, T* y);
template <typename T>
void multiply(const IntegerRows& x, const Int4Weight& w, const T* bias, size_t first, size_t last, T* y);

/// The numbers of weight rows first … last − 1, rounded to T once: out [last − first,in].
template <typename T>
void numbers_of(const Int8Weight& w, size_t first, size_t last, T* out);
template <typename T>
void numbers_of(const Int4Weight& w, size_t first, size_t last, T* out);

}  // namespace flam::kernels
