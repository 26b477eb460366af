#pragma once
// Finds the tensors of a pickle. A training script may save its state dict inside another dict, beside the
// state of the optimiser, an epoch and other data.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/weights/formats/unpickler.h"

namespace flam {

struct StateDict {
  std::string wrapper;  // the keys that lead to it, such as "model.state_dict"; "" for the pickle itself
  std::vector<std::pair<std::string_view, const pickle::Tensor*>> tensors;
};

/// Returns the dicts that map names to tensors. A dict that holds tensors is not searched further, unless it
/// also contains such a dict under a usual name (`state_dict`, `model`, …), or its tensors are single numbers
/// (`epoch`). The state of optimisers (`optimizer_state_dict`) is left out. Sorted by wrapper.
std::vector<StateDict> find_state_dicts(const pickle::Pickle& data);

}  // namespace flam
