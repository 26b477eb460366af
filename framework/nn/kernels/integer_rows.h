#pragma once
#include <cstddef>
#include <cstdint>

#include "framework/nn/kernels/few_rows_simd.h"

namespace flam::kernels {

/// The numbers of a row of x that share a scale when they become integers.
constexpr size_t kIntegerBlock = 128;
/// Room for the sums that int4 weights need of each block. Most kinds of vectors use half of it.
constexpr size_t kBlockSums = 32;

/// Most rows of x in a group. With more, the sums of a weight row don't fit the registers.
constexpr size_t kIntegerGroup = 4;

/// A group of up to kIntegerGroup rows of x as 16-bit integers, for the vectors of this machine. Of each
/// block, the number of the largest size becomes ±32767, so that rounding changes no number by more than
/// 1/65534 of it. Blocks without a number of at least 4e-34 become 0.
struct IntegerRows {
  int16_t* values;  // [blocks,rows,kIntegerBlock]; 0 beyond `in`
  float* scales;    // [blocks,rows]; NaN for a block with a number that is not finite
  /// For int4 weights, [blocks,rows,kBlockSums]: −8 times sums of values, which undo the 8 that is added to
  /// each stored number.
  int32_t* sums;
  size_t rows, in;

  size_t blocks() const { return (in + kIntegerBlock - 1) / kIntegerBlock; }
};

}  // namespace flam::kernels
