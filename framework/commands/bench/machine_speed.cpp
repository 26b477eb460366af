#include "framework/commands/bench/machine_speed.h"

#include <ATen/Parallel.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>

#include "framework/base/error.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/device/device.h"
#include "framework/device/free_memory.h"
#include "framework/device/huge_pages.h"

namespace flam {

namespace {

constexpr int64_t kWholeBuffer = int64_t{2} << 30, kLeastBuffer = int64_t{64} << 20;
constexpr int64_t kLanes = 16;                // independent sums, so that none waits for another
constexpr int64_t kWordsPerThread = 1 << 20;  // the smallest share of a thread
constexpr int64_t kMostProducts = 100;
constexpr double kLongestProduct = 0.1;  // seconds
constexpr int64_t kSmallestMatrix = 256, kLargestMatrix = 2048, kLargestOnCuda = 8192;

std::atomic<int64_t> read_sum{0};  // what was read must be used

int64_t read_words(const int64_t* words, int64_t count) {
  std::array<int64_t, kLanes> lanes{};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] ^= words[i + lane];
  }
  int64_t sum = 0;
  for (const int64_t lane : lanes) sum ^= lane;
  for (; i < count; ++i) sum ^= words[i];
  return sum;
}

template <class Work>
double seconds_of(at::Device device, const Work& work) {
  synchronize(device);
  const auto start = std::chrono::steady_clock::now();
  work();
  synchronize(device);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int64_t read_buffer_bytes(int64_t free) {
  return std::min(kWholeBuffer, free / 2) / 4096 * 4096;
}

MachineSpeed::MachineSpeed(at::Device device, at::ScalarType dtype) : device_(device) {
  choose_matrices(dtype);
  const int64_t free = free_memory(device), bytes = read_buffer_bytes(free);
  if (bytes < kLeastBuffer) {
    throw RunError(cat("only ", free >> 20,
                       " MiB of memory are free beside the model; measuring how fast memory is read takes ",
                       2 * kLeastBuffer >> 20, " MiB or more"));
  }
  if (bytes < kWholeBuffer) {
    log_warn(cat("only ", free >> 20, " MiB of memory are free, so memory is read over ", bytes >> 20,
                 " MiB instead of ", kWholeBuffer >> 20,
                 "; if caches hold a good part of that, the limits are too low"));
  }
  // In the pages in which weights lie.
  buffer_ = empty_in_huge_pages({bytes / 8}, at::TensorOptions().device(device).dtype(at::kLong)).fill_(1);
}

void MachineSpeed::choose_matrices(at::ScalarType dtype) {
  const int64_t largest = device_.is_cuda() ? kLargestOnCuda : kLargestMatrix;
  for (int64_t size = kSmallestMatrix;; size *= 2) {
    left_ = at::full({size, size}, 0.5, at::TensorOptions().device(device_).dtype(dtype));
    right_ = left_.clone();
    products_ = 1;
    seconds_of_products();                    // the first one also prepares the library
    double shortest = seconds_of_products();  // other programs only make it longer
    for (int i = 0; i < 2; ++i) shortest = std::min(shortest, seconds_of_products());
    products_ = std::clamp<int64_t>(std::llround(kLongestProduct / shortest), 1, kMostProducts);
    // The next size takes eight times as long.
    if (size >= largest || 8 * shortest > kLongestProduct) return;
  }
}

double MachineSpeed::seconds_of_reading() const {
  return seconds_of(device_, [&] {
    if (device_.is_cuda()) {
      buffer_.sum();
      return;
    }
    const auto* words = buffer_.const_data_ptr<int64_t>();
    at::parallel_for(0, buffer_.numel(), kWordsPerThread,
                     [&](int64_t begin, int64_t end) { read_sum ^= read_words(words + begin, end - begin); });
  });
}

double MachineSpeed::seconds_of_products() const {
  return seconds_of(device_, [&] {
    for (int64_t i = 0; i < products_; ++i) at::linear(left_, right_);
  });
}

void MachineSpeed::measure() {
  const auto size = static_cast<double>(matrix_size());
  bytes_per_second_.push_back(static_cast<double>(buffer_bytes()) / seconds_of_reading());
  flops_per_second_.push_back(static_cast<double>(products_) * 2 * size * size * size /
                              seconds_of_products());
}

}  // namespace flam
