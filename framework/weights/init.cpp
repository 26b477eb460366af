// Computes initial values. Each element depends only on a hash of (seed, slot name, index), so the values are
// the same for any range of rows, number of threads and order, and no memory is needed besides the tensor.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_qr.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "framework/base/text.h"
#include "framework/weights/allocate.h"
#include "framework/weights/quantize_weights.h"
#include "framework/weights/upload.h"

namespace flam {

namespace {

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): 64 well mixed bits from a counter.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

uint64_t key_of(uint64_t seed, const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return mix(hash ^ mix(seed + 0x9e3779b97f4a7c15ULL));
}

/// The scaled sum of four 16-bit uniform numbers: mean 0, standard deviation 1, no value beyond ±3.47.
float bell(uint64_t key, uint64_t index) {
  const uint64_t bits = mix(key + index * 0x9e3779b97f4a7c15ULL);
  const auto sum =
      static_cast<int32_t>((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
  return static_cast<float>(sum - 131070) * 2.6428996e-05f;  // 1 / sqrt(4 · (65536² − 1) / 12)
}

/// A value of bell() within ±2. Each attempt has its own key, and one in 24 fails.
float truncated_bell(uint64_t key, uint64_t index) {
  float value = bell(key, index);
  while (std::abs(value) > 2) value = bell(key = mix(key + 1), index);
  return value;
}

/// Between −1 and 1, without the ends.
float uniform(uint64_t key, uint64_t index) {
  const uint64_t bits = mix(key + index * 0x9e3779b97f4a7c15ULL) >> 41;  // 23 bits
  return (static_cast<float>(bits) + 0.5f) * 0x1p-22f - 1;
}

/// The function that gives element `index` of a tensor, before it is scaled.
using Draw = float (*)(uint64_t key, uint64_t index);

template <Draw kDraw, class T>
void fill(T* data, int64_t first, int64_t count, uint64_t key, float scale) {
  const int64_t workers = std::clamp<int64_t>(count >> 16, 1, at::get_num_threads());
  const int64_t share = (count + workers - 1) / workers;
  std::vector<std::jthread> threads;
  for (int64_t worker = 0; worker < workers; ++worker) {
    threads.emplace_back([=] {
      const int64_t end = std::min(count, (worker + 1) * share);
      for (int64_t i = worker * share; i < end; ++i)
        data[i] = static_cast<T>(kDraw(key, static_cast<uint64_t>(first + i)) * scale);
    });
  }
}

template <Draw kDraw>
void fill(const at::Tensor& flat, int64_t first, uint64_t key, float scale) {
  switch (flat.scalar_type()) {
    case at::kFloat:
      return fill<kDraw>(flat.mutable_data_ptr<float>(), first, flat.numel(), key, scale);
    case at::kDouble:
      return fill<kDraw>(flat.mutable_data_ptr<double>(), first, flat.numel(), key, scale);
    case at::kBFloat16:
      return fill<kDraw>(flat.mutable_data_ptr<at::BFloat16>(), first, flat.numel(), key, scale);
    case at::kHalf:
      return fill<kDraw>(flat.mutable_data_ptr<at::Half>(), first, flat.numel(), key, scale);
    default:
      throw Error(cat("weights cannot be initialised as ", c10::toString(flat.scalar_type())));
  }
}

/// `flat`: 1-d, contiguous, on the CPU; its elements are [first, first + numel) of the slot.
void fill(Init::Kind kind, const at::Tensor& flat, int64_t first, uint64_t key, double scale) {
  const auto factor = static_cast<float>(scale);
  if (kind == Init::Kind::uniform) return fill<uniform>(flat, first, key, factor);
  if (kind == Init::Kind::truncated_normal) return fill<truncated_bell>(flat, first, key, factor);
  fill<bell>(flat, first, key, factor);
}

/// Q of a matrix of normal values, with the signs of R's diagonal, so that every orthogonal matrix is equally
/// likely (Mezzadri 2007). In double, so that how LAPACK divides the work does not show.
at::Tensor orthogonal(int64_t first, int64_t rows, int64_t columns, uint64_t key) {
  at::Tensor values = at::empty({rows, columns}, at::kDouble);
  fill<bell>(values.view({-1}), first, key, 1);
  const bool wide = rows < columns;
  if (wide) values = values.t();
  const auto [q, r] = at::linalg_qr(values);
  const at::Tensor columns_of_one_length = q * r.diagonal().sign();
  return wide ? columns_of_one_length.t() : columns_of_one_length;
}

/// `flat`, on the CPU, gets the random elements of the slot from `first` on.
void fill_randomly(const WeightSlot& slot, const Init& init, const at::Tensor& flat, int64_t first,
                   uint64_t seed) {
  const uint64_t key = key_of(seed, slot.name);
  const std::vector<int64_t> whole = {slot.shape.empty() ? 1 : slot.shape[0]};
  const int64_t columns = slot.numel() / std::max<int64_t>(1, whole[0]);
  int64_t begin = 0;
  for (const int64_t rows : slot.parts.empty() ? whole : slot.parts) {
    const int64_t end = begin + rows * columns, from = std::max(begin, first);
    if (from < end) {
      const at::Tensor part = flat.narrow(0, from - first, end - from);
      if (init.kind == Init::Kind::orthogonal) {
        const at::Tensor all = orthogonal(begin, rows, columns, key) * init.value;
        part.copy_(all.reshape({-1}).narrow(0, from - begin, end - from));
      } else {
        fill(init.kind, part, from, key, init.scale(slot.shape, rows));
      }
    }
    begin = end;
  }
}

}  // namespace

double Init::scale(const std::vector<int64_t>& shape, int64_t rows) const {
  if (fan == Fan::none) return value;
  double inputs = 1, kernel = 1;
  for (size_t i = 1; i < shape.size(); ++i) (i == 1 ? inputs : kernel) *= static_cast<double>(shape[i]);
  const double in = inputs * kernel, out = static_cast<double>(rows) * kernel;
  const double chosen = fan == Fan::in ? in : fan == Fan::out ? out : (in + out) / 2;
  const double deviation = value / std::sqrt(std::max(1.0, chosen));
  return kind == Kind::uniform ? std::sqrt(3.0) * deviation : deviation;
}

void WeightStore::initialise_rows(WeightSlot& slot, int64_t first_row, uint64_t seed) {
  const Init init = first_row > 0 && slot.missing_rows ? *slot.missing_rows : slot.init;
  const int64_t first = first_row == 0 ? 0 : first_row * (slot.numel() / std::max<int64_t>(1, slot.shape[0]));
  const at::Tensor rest = slot.tensor.view({-1}).narrow(0, first, slot.numel() - first);
  if (init.is_random()) {
    const at::Tensor host = rest.is_cpu() ? rest : at::empty(rest.sizes(), rest.options().device(at::kCPU));
    fill_randomly(slot, init, host, first, seed);
    if (!rest.is_cpu()) upload(rest, host);
  } else {
    rest.fill_(init.kind == Init::Kind::ones ? 1.0 : init.value);
  }
}

void WeightStore::initialise(at::Device device, at::ScalarType dtype, uint64_t seed) {
  int64_t done = 0;
  for (const auto& slot : slots_) {
    if (progress) progress(++done, std::ssize(slots_));
    if (slot->tensor.is_meta() && !slot->quantized) initialise_slot(*slot, device, dtype, seed);
  }
}

void initialise_slot(WeightSlot& slot, at::Device device, at::ScalarType dtype, uint64_t seed) {
  slot.tensor = slot.scheme ? allocate(slot, at::kCPU, at::kFloat) : allocate(slot, device, dtype);
  WeightStore::initialise_rows(slot, 0, seed);
  if (slot.scheme) store_quantized(slot, at::Tensor(slot.tensor), device);
}

}  // namespace flam
