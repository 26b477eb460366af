#include "framework/device/free_memory.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <limits>
#include <sstream>

namespace flam {

namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

/// The number after `key` in a file of lines "KEY NUMBER"; 0 if there is none.
int64_t entry_of(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string word; in >> word;) {
    int64_t number = 0;
    if (word == key && in >> number) return number;
  }
  return 0;
}

int64_t number_in(const char* file, int64_t otherwise) {
  std::ifstream in(file);
  int64_t number = 0;
  return in >> number ? number : otherwise;
}

/// What the control group leaves, if pages of its files are given back: only those that are not in use, or
/// all.
int64_t left_in_group(bool with_used_files) {
  const int64_t limit = number_in("/sys/fs/cgroup/memory.max", kNoLimit);
  if (limit == kNoLimit) return kNoLimit;
  const char* const entries = "/sys/fs/cgroup/memory.stat";
  return limit - number_in("/sys/fs/cgroup/memory.current", 0) + entry_of(entries, "inactive_file") +
         (with_used_files ? entry_of(entries, "active_file") + entry_of(entries, "slab_reclaimable") : 0);
}

/// Swap space that is free, and that the control group may use.
int64_t free_swap() {
  const int64_t limit = number_in("/sys/fs/cgroup/memory.swap.max", kNoLimit);
  const int64_t left =
      limit == kNoLimit ? kNoLimit : limit - number_in("/sys/fs/cgroup/memory.swap.current", 0);
  return std::max<int64_t>(std::min(entry_of("/proc/meminfo", "SwapFree:") * 1024, left), 0);
}

int64_t left_in_address_space() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  return static_cast<int64_t>(limit.rlim_cur) - number_in("/proc/self/statm", 0) * sysconf(_SC_PAGESIZE);
}

/// What the system calls available and `more`; no limit if an old kernel does not say.
int64_t available(int64_t more) {
  const int64_t bytes = entry_of("/proc/meminfo", "MemAvailable:") * 1024;
  return bytes == 0 ? kNoLimit : bytes + more;
}

int64_t with(int64_t bytes, int64_t more) {
  return bytes == kNoLimit ? kNoLimit : bytes + more;
}

}  // namespace

int64_t free_memory(c10::Device device) {
  if (device.is_cuda())
    return static_cast<int64_t>(at::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first);
  return std::max<int64_t>(
      std::min({available(0), left_in_group(/*with_used_files=*/false), left_in_address_space()}), 0);
}

int64_t allocatable_memory(c10::Device device) {
  if (device.is_cuda()) {
    const auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
    constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    return free_memory(device) + stats.reserved_bytes[kAll].current - stats.allocated_bytes[kAll].current;
  }
  const int64_t swap = free_swap();
  const int64_t in_group = with(left_in_group(/*with_used_files=*/true), swap);
  return std::max<int64_t>(std::min({available(swap), in_group, left_in_address_space()}), 0);
}

int64_t resident_memory() {
  std::ifstream in("/proc/self/statm");
  int64_t size = 0, resident = 0;
  return in >> size >> resident ? resident * sysconf(_SC_PAGESIZE) : 0;
}

std::string bytes_text(int64_t bytes) {
  std::ostringstream out;
  out << std::fixed;
  if (bytes >= 999'500'000) {
    out << std::setprecision(1) << static_cast<double>(bytes) / 1e9 << " GB";
  } else if (bytes >= 999'500) {
    out << std::setprecision(0) << static_cast<double>(bytes) / 1e6 << " MB";
  } else {
    out << std::setprecision(0) << static_cast<double>(bytes) / 1e3 << " kB";
  }
  return out.str();
}

}  // namespace flam
