// Computes initial values. Each element depends only on a hash of (seed, slot name, index), so the values are
// the same for any range of rows, number of threads and order, and no memory is needed besides the tensor.

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <thread>

#include "framework/base/text.h"
#include "framework/weights/allocate.h"
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

template <class T>
void fill_normal(T* data, int64_t first, int64_t count, uint64_t key, float standard_deviation) {
  const int64_t workers = std::clamp<int64_t>(count >> 16, 1, at::get_num_threads());
  const int64_t share = (count + workers - 1) / workers;
  std::vector<std::jthread> threads;
  for (int64_t worker = 0; worker < workers; ++worker) {
    threads.emplace_back([=] {
      const int64_t end = std::min(count, (worker + 1) * share);
      for (int64_t i = worker * share; i < end; ++i) {
        data[i] = static_cast<T>(bell(key, static_cast<uint64_t>(first + i)) * standard_deviation);
      }
    });
  }
}

/// `flat`: 1-d, contiguous, on the CPU; its elements are [first, first + numel) of the slot.
void fill_normal(const at::Tensor& flat, int64_t first, uint64_t key, double standard_deviation) {
  const auto deviation = static_cast<float>(standard_deviation);
  switch (flat.scalar_type()) {
    case at::kFloat:
      return fill_normal(flat.mutable_data_ptr<float>(), first, flat.numel(), key, deviation);
    case at::kDouble:
      return fill_normal(flat.mutable_data_ptr<double>(), first, flat.numel(), key, deviation);
    case at::kBFloat16:
      return fill_normal(flat.mutable_data_ptr<at::BFloat16>(), first, flat.numel(), key, deviation);
    case at::kHalf:
      return fill_normal(flat.mutable_data_ptr<at::Half>(), first, flat.numel(), key, deviation);
    default:
      throw Error(cat("weights cannot be initialised as ", c10::toString(flat.scalar_type())));
  }
}

}  // namespace

void WeightStore::initialise_rows(WeightSlot& slot, int64_t first_row, uint64_t seed) {
  const Init init = first_row > 0 && slot.missing_rows ? *slot.missing_rows : slot.init;
  const int64_t first = first_row == 0 ? 0 : first_row * (slot.numel() / std::max<int64_t>(1, slot.shape[0]));
  const at::Tensor rest = slot.tensor.view({-1}).narrow(0, first, slot.numel() - first);
  switch (init.kind) {
    case Init::Kind::zeros:
      rest.zero_();
      break;
    case Init::Kind::ones:
      rest.fill_(1);
      break;
    case Init::Kind::constant:
      rest.fill_(init.value);
      break;
    case Init::Kind::normal: {
      const at::Tensor host = rest.is_cpu() ? rest : at::empty(rest.sizes(), rest.options().device(at::kCPU));
      fill_normal(host, first, key_of(seed, slot.name), init.value);
      if (!rest.is_cpu()) upload(rest, host);
    }
  }
}

void WeightStore::initialise(at::Device device, at::ScalarType dtype, uint64_t seed) {
  int64_t done = 0;
  for (const auto& slot : slots_) {
    if (progress) progress(++done, std::ssize(slots_));
    if (!slot->tensor.is_meta()) continue;
    slot->tensor = allocate(*slot, device, dtype);
    initialise_rows(*slot, 0, seed);
  }
}

}  // namespace flam
