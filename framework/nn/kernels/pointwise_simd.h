#pragma once
#include <cstddef>
#include <cstdint>

namespace flam::kernels {

// uint16_t: the bits of bfloat16.

/// Normalizes one row.
void rms_norm_row(const float* x, const float* weight, size_t width, float eps, float* y);
void rms_norm_row(const uint16_t* x, const uint16_t* weight, size_t width, float eps, uint16_t* y);
void gelu_tanh_of(const float* x, size_t count, float* y);
void gelu_tanh_of(const uint16_t* x, size_t count, uint16_t* y);
void silu_product_of(const float* gate, const float* up, size_t count, float* y);
void silu_product_of(const uint16_t* gate, const uint16_t* up, size_t count, uint16_t* y);

}  // namespace flam::kernels
