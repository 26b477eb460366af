#pragma once
// Chooses which slots of a store are quantised, and stores their values.

#include <string>
#include <vector>

#include "framework/weights/quantize_config.h"
#include "framework/weights/weight_store.h"

namespace flam {

/// A matrix that a rule names, but that can't be stored in the rule's scheme.
struct NotQuantized {
  std::string name;
  std::string reason;  // "40 columns, which are no whole groups of 32"
};

/// Sets the scheme of each matrix of a Linear layer that the rules name, before the store is filled. Tensors
/// of other kinds (embeddings, norms, biases, convolutions) and matrices that are tied to one keep their
/// numbers. Returns the matrices that do not fit their scheme and keep them too. Error: a pattern that the
/// user wrote matches no matrix.
FLAM_API std::vector<NotQuantized> choose_schemes(WeightStore& store, const QuantizeConfig& config);

/// Error: a rule asks for quantised values, which is impossible here; `why` says why.
FLAM_API void refuse_quantized(const QuantizeConfig& config, const std::string& why);

/// A warning that lists them; does nothing if there are none.
FLAM_API void warn_of(const std::vector<NotQuantized>& matrices);

/// Stores the numbers of the slot's tensor_shape(), which are on the CPU, in the slot's scheme; the slot's
/// tensor goes back to the meta device. RunError: as quantize().
void store_quantized(WeightSlot& slot, const at::Tensor& numbers, at::Device device);

/// The bytes that the slot takes in a run of this dtype.
FLAM_API int64_t stored_bytes(const WeightSlot& slot, at::ScalarType dtype);

/// The tensors that hold the slot's values: its tensor, or quantised values and scales.
FLAM_API std::vector<at::Tensor> stored_tensors(const WeightSlot& slot);

}  // namespace flam
