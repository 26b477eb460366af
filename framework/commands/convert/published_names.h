#pragma once
// The tensors of a component under the names of a published checkpoint.

#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "framework/base/export.h"
#include "framework/weights/naming.h"
#include "framework/weights/weight_store.h"

namespace flam {

/// The opposite of loading through the table: fused tensors are taken apart, slices are joined, and rows are
/// brought into the file's order. The names of `slots` begin with `component` and a dot, which is removed.
/// Error: the table has no name for a tensor, or for only some of the slices of one.
FLAM_API std::vector<std::pair<std::string, at::Tensor>> published_tensors(std::span<WeightSlot* const> slots,
                                                                           const std::string& component,
                                                                           const NamingTable& table);

}  // namespace flam
