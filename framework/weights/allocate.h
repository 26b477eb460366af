#pragma once
#include <ATen/core/Tensor.h>

#include "framework/weights/weight_store.h"

namespace flam {

/// Returns an uninitialised tensor for a slot. RunError: there is not enough memory; the message names the
/// tensor and its size in bytes.
at::Tensor allocate(const WeightSlot& slot, at::Device device, at::ScalarType dtype);

}  // namespace flam
