#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

/// Copies `source`, in host memory, into `target`, which has as many numbers and is contiguous, and converts
/// the dtype. To a device, it goes in pieces of at most `piece_bytes` through pinned memory, and the dtype is
/// converted there. So a piece is on its way while the next one is read from the file, nothing waits for the
/// device, and the bytes that travel are those of the file.
FLAM_API void upload(const at::Tensor& target, const at::Tensor& source,
                     int64_t piece_bytes = int64_t{64} << 20);

}  // namespace flam
