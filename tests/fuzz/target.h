#pragma once
// Shared by all fuzz targets. A target reads untrusted bytes with our code; only an Error is a valid failure.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "framework/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace flam::test {

inline std::string_view as_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// A file in memory that holds the bytes.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    while (size > 0) {
      const ssize_t put = ::write(descriptor_, data, size);
      if (put <= 0) break;
      data += put;
      size -= static_cast<size_t>(put);
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

/// Broken input should give an Error, whose message must be safe to print in a terminal.
template <class Act>
void refusing(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    for (const char c : std::string_view(error.what())) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\n') __builtin_trap();
    }
  }
}

}  // namespace flam::test
