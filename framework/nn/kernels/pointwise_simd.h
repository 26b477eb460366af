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
void quick_gelu_of(const float* x, size_t count, float* y);
void quick_gelu_of(const uint16_t* x, size_t count, uint16_t* y);
void silu_product_of(const float* gate, const float* up, size_t count, float* y);
void silu_product_of(const uint16_t* gate, const uint16_t* up, size_t count, uint16_t* y);
/// y = x · cos + (−second half of x, first half) · sin; `half` elements are half a row.
void rotate_row(const float* x, const float* cos, const float* sin, size_t half, float* y);
void rotate_row(const uint16_t* x, const uint16_t* cos, const uint16_t* sin, size_t half, uint16_t* y);

}  // namespace flam::kernels
