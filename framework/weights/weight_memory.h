#pragma once
// The memory that weights need, known before any of them is read.

#include <cstdint>
#include <optional>

#include "framework/weights/load.h"

namespace flam {

struct WeightMemory {
  int64_t allocated = 0;  // bytes of values that are computed, or copied because they change
  int64_t mapped = 0;     // bytes read from files, which the system can take back and read again
};

/// What initialise() allocates once the schemes of quantised slots are chosen, or load_weights() if `files`
/// is not null. Error: as in load_weights().
FLAM_API WeightMemory memory_of_weights(const WeightStore& store, const WeightsConfig* files,
                                        const NamingLookup& namings, at::Device device, at::ScalarType dtype);

/// Error: the weights, and `more` bytes that are kept beside them, must be allocated and are more than the
/// device can give. Pages of files and swap space count as free, and weights that are used where they lie in
/// a file as nothing, so that no run is refused that could work. To be called before weights are filled.
FLAM_API void require_memory_for_weights(const WeightStore& store, const WeightsConfig* files,
                                         const NamingLookup& namings, at::Device device, at::ScalarType dtype,
                                         int64_t more = 0, const char* what_more = "");

}  // namespace flam
