#include "framework/nn/kernels/attention_step.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <vector>

#include "framework/nn/kernels/attention_step_simd.h"
#include "framework/nn/kernels/elements.h"
#include "framework/nn/kernels/few_rows.h"
#include "framework/nn/kernels/record.h"

namespace flam::kernels {

namespace {

constexpr int64_t kProductsPerTask = 1 << 16;  // fewer are not worth waking a thread

/// The rows of head h of row r: keys and values [R,H,L,d].
template <typename T>
KeyValueRows<T> head_of(const at::Tensor& keys, const at::Tensor& values, int64_t r, int64_t h) {
  return {elements<T>(keys) + r * keys.stride(0) + h * keys.stride(1),
          elements<T>(values) + r * values.stride(0) + h * values.stride(1),
          static_cast<size_t>(keys.size(2)), keys.stride(2), values.stride(2)};
}

template <typename T>
void compute(const at::Tensor& q, const KVCache::Segments& kv, const KVCache& cache, at::Tensor& out) {
  const int64_t rows = q.size(0), heads = q.size(1), width = q.size(3);
  const int64_t kv_heads = kv.prompt_key.size(1), group = heads / kv_heads,
                beams = rows / kv.prompt_key.size(0);
  const int64_t prompt = kv.prompt_key.size(2), length = prompt + kv.tail_key.size(2);
  const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(width)));
  const float* const bias = cache.prompt_bias().const_data_ptr<float>();
  const int64_t bias_stride = cache.prompt_bias().stride(0);
  T* const results = static_cast<T*>(out.mutable_data_ptr());
  const int64_t grain = std::max<int64_t>(kProductsPerTask / (2 * group * width * length), 1);
  at::parallel_for(0, rows * kv_heads, grain, [&](int64_t begin, int64_t end) {
    std::vector<float> room(attention_room(group, width, length));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i / kv_heads, h = i % kv_heads;
      const QueryGroup<T> queries{elements<T>(q) + r * q.stride(0) + h * group * q.stride(1), q.stride(1),
                                  static_cast<size_t>(group), static_cast<size_t>(width), scale};
      attend_one(queries, head_of<T>(kv.prompt_key, kv.prompt_value, r / beams, h),
                 bias + r / beams * bias_stride, head_of<T>(kv.tail_key, kv.tail_value, r, h), room.data(),
                 results + (r * heads + h * group) * width);
    }
  });
}

}  // namespace

bool takes_attention_step(const at::Tensor& q, const KVCache::Segments& kv, const KVCache& cache) {
  const at::ScalarType dtype = q.scalar_type();
  if (dtype != at::kFloat && dtype != at::kBFloat16) return false;
  if (q.size(2) != 1 || at::GradMode::is_enabled() || cache.tail_bias().defined() || !enabled()) return false;
  for (const at::Tensor* const tensor :
       {&q, &kv.prompt_key, &kv.prompt_value, &kv.tail_key, &kv.tail_value}) {
    if (!tensor->device().is_cpu() || tensor->scalar_type() != dtype || tensor->stride(3) != 1) return false;
  }
  return cache.prompt_bias().scalar_type() == at::kFloat;
}

at::Tensor attention_step(const at::Tensor& q, const KVCache::Segments& kv, const KVCache& cache) {
  return recorded(
      "flam::attention_step", {q, kv.prompt_key, kv.prompt_value, kv.tail_key, kv.tail_value}, [&] {
        at::Tensor out = at::empty(q.sizes(), q.options().memory_format(at::MemoryFormat::Contiguous));
        if (q.scalar_type() == at::kFloat) {
          compute<float>(q, kv, cache, out);
        } else {
          compute<uint16_t>(q, kv, cache, out);
        }
        return out;
      });
}

}  // namespace flam::kernels
