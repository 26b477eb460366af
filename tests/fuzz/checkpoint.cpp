// Checkpoints: safetensors, torch zip and pickle, indexes. Opens the file by its content and reads every
// tensor that is not large.
#include "framework/weights/checkpoint.h"

#include <ATen/TensorOperators.h>

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const flam::test::MemoryFile file(data, size);
  flam::test::refusing([&] {
    const auto checkpoint = flam::open_checkpoint(file.path());
    for (const std::string& name : checkpoint->names()) {
      const at::Tensor tensor = checkpoint->tensor(name);
      // Zero strides may turn one stored number into a large tensor.
      if (tensor.numel() < 1 << 16) tensor.contiguous().view({-1}).view(at::kByte).sum();
    }
  });
  return 0;
}
