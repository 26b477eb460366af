#pragma once
// Where the tensors of a pickle are: a training script may save its state dict inside another dict, beside
// the optimiser's state, an epoch and more.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/weights/formats/unpickler.h"

namespace flam {

struct StateDict {
  std::string wrapper;  // the keys that lead to it, "model.state_dict"; "": the pickle itself
  std::vector<std::pair<std::string_view, const pickle::Tensor*>> tensors;
};

/// The dicts that hold tensors under texts as names. A dict that holds some is not searched further, unless a
/// dict under a usual name (`state_dict`, `model`, …) does, too, or the tensors are single numbers (`epoch`).
/// What an optimiser keeps (`optimizer_state_dict`) is left out. Sorted by wrapper.
std::vector<StateDict> find_state_dicts(const pickle::Pickle& data);

}  // namespace flam
