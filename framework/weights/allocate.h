#pragma once
#include <ATen/core/Tensor.h>

#include "framework/weights/weight_store.h"

namespace flam {

/// Uninitialised memory for a slot; RunError naming tensor and bytes when there is none.
at::Tensor allocate(const WeightSlot& slot, at::Device device, at::ScalarType dtype);

}  // namespace flam
