// Plugin libraries: checks their bytes as is done before the dynamic linker loads them.
#include "framework/plugin/elf.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const flam::test::MemoryFile file(data, size);
  flam::test::refusing([&] { flam::check_elf(file.path()); });
  return 0;
}
