#include "framework/weights/upload.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace flam {

namespace {

/// An undefined tensor if the system gives no more pinned memory.
at::Tensor pinned(int64_t numbers, at::ScalarType dtype) {
  try {
    return at::empty({numbers}, at::TensorOptions(dtype).pinned_memory(true));
  } catch (const c10::Error&) {
    return {};
  }
}

}  // namespace

void upload(const at::Tensor& target, const at::Tensor& source, int64_t piece_bytes) {
  if (target.is_cpu() || target.is_meta() || source.numel() == 0) {
    target.copy_(source.reshape(target.sizes()));
    return;
  }
  const at::Tensor from = source.reshape({-1}), to = target.view({-1});
  const bool converts = from.scalar_type() != to.scalar_type();
  const int64_t most = std::max<int64_t>(1, piece_bytes / from.element_size());
  for (int64_t first = 0; first < from.numel(); first += most) {
    const int64_t numbers = std::min(most, from.numel() - first);
    at::Tensor piece = from.narrow(0, first, numbers);
    // libtorch's allocator of pinned memory uses a block again when the copy from it is done.
    if (const at::Tensor staged = pinned(numbers, from.scalar_type()); staged.defined()) {
      staged.copy_(piece);
      piece = staged;
    }
    const at::Tensor place = to.narrow(0, first, numbers);
    if (converts) piece = piece.to(target.device(), piece.scalar_type(), /*non_blocking=*/true);
    place.copy_(piece, /*non_blocking=*/true);
  }
}

}  // namespace flam
