#include "framework/device/free_memory.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

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

/// What the control group leaves. Pages of files that are not in use are given back when memory is needed.
int64_t left_in_group() {
  const int64_t limit = number_in("/sys/fs/cgroup/memory.max", kNoLimit);
  if (limit == kNoLimit) return kNoLimit;
  return limit - number_in("/sys/fs/cgroup/memory.current", 0) +
         entry_of("/sys/fs/cgroup/memory.stat", "inactive_file");
}

int64_t left_in_address_space() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  return static_cast<int64_t>(limit.rlim_cur) - number_in("/proc/self/statm", 0) * sysconf(_SC_PAGESIZE);
}

}  // namespace

int64_t free_memory(c10::Device device) {
  if (device.is_cuda())
    return static_cast<int64_t>(at::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).first);
  int64_t available = entry_of("/proc/meminfo", "MemAvailable:") * 1024;
  if (available == 0) available = kNoLimit;  // an old kernel, which does not say
  return std::max<int64_t>(std::min({available, left_in_group(), left_in_address_space()}), 0);
}

}  // namespace flam
