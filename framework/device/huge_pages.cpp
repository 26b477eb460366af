#include "framework/device/huge_pages.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <numeric>

namespace flam {

#ifdef MADV_HUGEPAGE

namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

/// The system uses huge pages for whole ones only. A rest that nearly fills one gets all of it, and a smaller
/// one lies in small pages.
size_t bytes_to_map(size_t bytes) {
  const size_t whole = round_up(bytes, kHugePage);
  return whole - bytes <= bytes / 16 ? whole : round_up(bytes, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

/// New memory that begins where a huge page does, or null. It is not taken from malloc(), which also returns
/// memory that was used before in small pages and remains in them.
char* map_aligned(size_t bytes) {
  const size_t all = bytes + kHugePage;
  void* const mapped = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto address = reinterpret_cast<uintptr_t>(mapped);
  const size_t before = round_up(address, kHugePage) - address;
  char* const begin = static_cast<char*>(mapped) + before;
  if (before > 0) ::munmap(mapped, before);
  ::munmap(begin + bytes, kHugePage - before);
  return begin;
}

}  // namespace

at::Tensor empty_in_huge_pages(at::IntArrayRef shape, at::TensorOptions options) {
  const int64_t numel = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  const size_t bytes = static_cast<size_t>(numel) * options.dtype().itemsize();
  if (!options.device().is_cpu() || bytes < kHugePage) return at::empty(shape, options);
  const size_t mapped = bytes_to_map(bytes);
  char* const memory = map_aligned(mapped);
  if (memory == nullptr) return at::empty(shape, options);  // which says what is wrong, if it fails too
  ::madvise(memory, mapped, MADV_HUGEPAGE);                 // a system that refuses uses small pages
  return at::from_blob(
      memory, shape, [mapped](void* begin) { ::munmap(begin, mapped); }, options);
}

#else

at::Tensor empty_in_huge_pages(at::IntArrayRef shape, at::TensorOptions options) {
  return at::empty(shape, options);
}

#endif

}  // namespace flam
