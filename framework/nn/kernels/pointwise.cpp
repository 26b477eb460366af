#include "framework/nn/kernels/pointwise.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>

#include "framework/nn/kernels/elements.h"
#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/pointwise_simd.h"
#include "framework/nn/kernels/record.h"

namespace flam::kernels {

namespace {

constexpr int64_t kElementsPerTask = 1 << 15;  // fewer are not worth waking a thread

/// Fills a tensor like x, but contiguous. Calls compute(begin, end, y) with ranges of its rows, where y has
/// the type of the elements.
template <class Compute>
at::Tensor by_rows(const at::Tensor& x, int64_t width, const Compute& compute) {
  at::Tensor y = at::empty(x.sizes(), x.options().memory_format(at::MemoryFormat::Contiguous));
  void* const out = y.mutable_data_ptr();
  const bool is_float = x.scalar_type() == at::kFloat;
  const int64_t grain = std::max<int64_t>(kElementsPerTask / width, 1);
  at::parallel_for(0, x.numel() / width, grain, [&](int64_t begin, int64_t end) {
    if (is_float) {
      compute(begin, end, static_cast<float*>(out));
    } else {
      compute(begin, end, static_cast<uint16_t*>(out));
    }
  });
  return y;
}

/// Apart from its strides.
bool is_taken(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         x.layout() == at::kStrided && x.numel() > 0 && !at::GradMode::is_enabled() && enabled();
}

}  // namespace

bool takes_pointwise(const at::Tensor& x) {
  return is_taken(x) && x.is_contiguous();
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const int64_t width = x.size(-1);
  return recorded("flam::rms_norm", {x, weight}, [&] {
    return by_rows(x, width, [&]<typename T>(int64_t begin, int64_t end, T* y) {
      for (int64_t r = begin; r < end; ++r)
        rms_norm_row(elements<T>(x) + r * width, elements<T>(weight), width, static_cast<float>(eps),
                     y + r * width);
    });
  });
}

at::Tensor gelu_tanh(const at::Tensor& x) {
  return recorded("flam::gelu_tanh", {x}, [&] {
    return by_rows(x, 1, [&]<typename T>(int64_t begin, int64_t end, T* y) {
      gelu_tanh_of(elements<T>(x) + begin, end - begin, y + begin);
    });
  });
}

at::Tensor quick_gelu(const at::Tensor& x) {
  return recorded("flam::quick_gelu", {x}, [&] {
    return by_rows(x, 1, [&]<typename T>(int64_t begin, int64_t end, T* y) {
      quick_gelu_of(elements<T>(x) + begin, end - begin, y + begin);
    });
  });
}

bool takes_silu_product(const at::Tensor& gate, const at::Tensor& up) {
  if (gate.sizes() != up.sizes() || gate.scalar_type() != up.scalar_type() || gate.dim() < 1) return false;
  for (const at::Tensor* const x : {&gate, &up}) {
    if (!x->is_cpu() || x->stride(-1) != 1 || x->numel() == 0) return false;
    for (int64_t i = 0; i + 2 < x->dim(); ++i) {
      if (x->size(i) > 1 && x->stride(i) != x->stride(i + 1) * x->size(i + 1)) return false;
    }
  }
  return is_taken(gate);
}

at::Tensor silu_product(const at::Tensor& gate, const at::Tensor& up) {
  const int64_t width = gate.size(-1);
  const auto stride = [&](const at::Tensor& x) { return x.dim() > 1 ? x.stride(-2) : width; };
  return recorded("flam::silu_product", {gate, up}, [&] {
    return by_rows(gate, width, [&]<typename T>(int64_t begin, int64_t end, T* y) {
      for (int64_t r = begin; r < end; ++r)
        silu_product_of(elements<T>(gate) + r * stride(gate), elements<T>(up) + r * stride(up), width,
                        y + r * width);
    });
  });
}

bool takes_rotary(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const std::array<int64_t, 3> shape = {x.size(0), x.size(2), x.size(3)};
  for (const at::Tensor* const table : {&cos, &sin}) {
    if (!takes_pointwise(*table) || table->scalar_type() != x.scalar_type() || table->sizes() != shape)
      return false;
  }
  return x.is_cpu() && x.stride(3) == 1 && x.size(3) % 2 == 0 && x.size(1) > 0;
}

at::Tensor rotary(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  return recorded("flam::rotary", {x, cos, sin}, [&] {
    const int64_t heads = x.size(1), length = x.size(2), width = x.size(3);
    return by_rows(x, width, [&]<typename T>(int64_t begin, int64_t end, T* y) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t r = i / length / heads, l = i % length, place = (r * length + l) * width;
        const T* const row =
            elements<T>(x) + r * x.stride(0) + i / length % heads * x.stride(1) + l * x.stride(2);
        rotate_row(row, elements<T>(cos) + place, elements<T>(sin) + place, width / 2, y + i * width);
      }
    });
  });
}

}  // namespace flam::kernels
