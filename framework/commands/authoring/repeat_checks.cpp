// Checks that run a component many times, or in several threads at once.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "framework/base/text.h"
#include "framework/commands/authoring/checks.h"

namespace flam {

namespace {

constexpr int64_t kRows = 3;

/// Bytes allocated on the heap, including CPU tensors.
int64_t bytes_in_use() {
  const auto heap = mallinfo2();
  return static_cast<int64_t>(heap.uordblks + heap.hblkhd);
}

}  // namespace

/// A leak makes the heap grow in every round. The allocator's own caches (some kB) don't.
Finding check_memory(const Specimen& specimen) {
  constexpr int64_t kRounds = 5, kMostRuns = 30, kLeast = 128;  // bytes per run
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  const auto in = subject->input(kRows, 1);
  run_announced(*subject, in);
  const auto start = std::chrono::steady_clock::now();
  run_announced(*subject, in);
  const std::chrono::duration<double> one = std::chrono::steady_clock::now() - start;
  const std::chrono::duration<double> limit = specimen.options.timeout;
  const double affordable = limit.count() / 4 / (kRounds + 1) / std::max(one.count(), 1e-6);
  const auto count = static_cast<int64_t>(std::clamp<double>(affordable, 1, kMostRuns));
  const auto runs = [&] {
    for (int64_t i = 0; i < count; ++i) run_announced(*subject, in);
    return bytes_in_use();
  };
  int64_t before = runs(), least = std::numeric_limits<int64_t>::max();
  for (int64_t round = 0; round < kRounds; ++round) {
    const int64_t now = runs();
    least = std::min(least, (now - before) / count);
    before = now;
  }
  if (least >= kLeast)
    throw Error(cat("leaks: each run with the same input leaves at least ", least, " more bytes in memory"));
  return {cat(kRounds * count, " runs leave nothing in memory")};
}

Finding check_threads(const Specimen& specimen) {
  Finding finding;
  const auto subject = specimen.subject(finding);
  if (!subject) return finding;
  std::vector<Subject::Tensors> in;
  std::vector<at::Tensor> expected;
  for (int64_t i = 0; i < 4; ++i) {
    in.push_back(subject->input(kRows, 10 + i));
    expected.push_back(run_announced(*subject, in.back()));
  }
  at_once([&](int64_t i) {
    require_close(run_announced(*subject, in[i]), expected[i], 1e-5,
                  "gives another result when other threads use it at the same time, which differs");
  });
  return {"4 threads at once get the same results as alone"};
}

}  // namespace flam
