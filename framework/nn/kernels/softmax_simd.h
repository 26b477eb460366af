#pragma once
#include <cstddef>
#include <cstdint>

namespace flam::kernels {

/// Writes exp(scale · (score − largest)) of the first `seen` scores as bfloat16 over the beginning of the
/// row, then zeros up to `padded` weights, a multiple of 64. Returns the sum of the exponentials.
float softmax_weights(float* scores, size_t seen, size_t padded, float scale);
/// sums · factor as bfloat16.
void scaled(const float* sums, float factor, size_t count, uint16_t* out);

}  // namespace flam::kernels
