#pragma once
#include <ATen/core/Tensor.h>

#include "framework/base/export.h"

namespace flam {

/// A contiguous tensor whose values are not set. On the CPU, a tensor of 2 MiB or more lies in pages of 2 MiB
/// where the system has them (transparent huge pages of Linux): memory that is read from one end to the
/// other, as the weights are in a decode step, is then read up to 1.5 times as fast. Rounding up to whole
/// pages adds at most 1/16 of its size. In all other cases it is at::empty(). c10::Error: there is not enough
/// memory.
FLAM_API at::Tensor empty_in_huge_pages(at::IntArrayRef shape, at::TensorOptions options);

}  // namespace flam
