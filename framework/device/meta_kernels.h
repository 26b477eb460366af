#pragma once
#include "framework/base/export.h"

namespace flam {

/// Makes libtorch's operators work on the meta device, where shapes are found before a model has weights:
/// libtorch has shape functions for many of its operators in C++, and for the others only in Python.
/// Operators that have a shape function keep it. Those whose result has a shape that depends on values, such
/// as nonzero, get a message that says so. Only the first call does anything, and threads may call at the
/// same time. WeightStore::declare and Model::assemble call it.
FLAM_API void register_meta_kernels();

}  // namespace flam
