#pragma once
#include <ATen/core/Tensor.h>

#include "framework/weights/weight_store.h"

namespace flam {

/// Returns an uninitialised tensor for a slot. RunError: there is not enough memory; the message names the
/// tensor and its size in bytes.
at::Tensor allocate(const WeightSlot& slot, at::Device device, at::ScalarType dtype);

/// Gives a slot its initial values, which are quantised if it has a scheme.
void initialise_slot(WeightSlot& slot, at::Device device, at::ScalarType dtype, uint64_t seed);

}  // namespace flam
