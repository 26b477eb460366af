#pragma once
#include <ATen/ops/empty.h>

namespace flam {

/// uint8 [height,width,3] from a linear congruential generator: the same everywhere, so that sums can be
/// stored.
inline at::Tensor noise_picture(int64_t height, int64_t width) {
  at::Tensor picture = at::empty({height, width, 3}, at::kByte);
  uint8_t* bytes = picture.mutable_data_ptr<uint8_t>();
  uint32_t state = 1;
  for (int64_t i = 0; i < picture.numel(); ++i) {
    state = state * 1664525 + 1013904223;
    bytes[i] = static_cast<uint8_t>(state >> 24);
  }
  return picture;
}

}  // namespace flam
