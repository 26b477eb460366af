#pragma once
// Shape functions that serve many operators, for register_meta_kernels(). Each takes an operator's arguments
// from the stack, where those tensors are on the meta device, and leaves its results there.

#include <ATen/core/dispatch/Dispatcher.h>

namespace flam {

/// For an operator without a shape function of its own: runs it on CPU tensors of the same shapes, strides
/// and types that hold zeros, and keeps the results' shapes. The zeros are pages that the operating system
/// shares, so inputs take no memory. A random operator draws from a generator of its own.
void find_shape_on_cpu(const c10::OperatorHandle& op, c10::Stack* stack);

/// For an operator that computes each element from one element of each input: finds the types of its results
/// on CPU tensors of one element, and their shapes by broadcasting. It takes no time for any size.
void find_shape_of_pointwise(const c10::OperatorHandle& op, c10::Stack* stack);

/// For an operator whose result has a shape, or is a number, that depends on the values of its inputs.
[[noreturn]] void reject_values(const c10::OperatorHandle& op, c10::Stack* stack);

/// Whether find_shape_on_cpu() can run this operator: it has a CPU kernel, gives no views, writes to no lists
/// of tensors, and draws no random numbers from a generator that it can't be given.
bool can_run_on_cpu(const c10::OperatorHandle& op);

}  // namespace flam
