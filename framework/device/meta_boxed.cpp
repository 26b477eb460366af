#include "framework/device/meta_boxed.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/TensorIterator.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace flam {

namespace {

using Stand = at::Tensor (*)(const at::Tensor&);  // makes the CPU tensor that stands for a meta tensor

at::Tensor like(const at::Tensor& meta, at::Tensor cpu) {
  if (meta.unsafeGetTensorImpl()->is_wrapped_number()) cpu.unsafeGetTensorImpl()->set_wrapped_number(true);
  return cpu;
}

at::Tensor zeros_like(const at::Tensor& meta) {
  const size_t bytes = at::detail::computeStorageNbytes(meta.sizes(), meta.strides(), meta.itemsize());
  void* const zeros = std::calloc(std::max<size_t>(bytes, 1), 1);
  if (!zeros) throw std::bad_alloc();
  return like(meta, at::from_blob(zeros, meta.sizes(), meta.strides(), std::free,
                                  at::TensorOptions().dtype(meta.dtype())));
}

at::Tensor one_element(const at::Tensor& meta) {
  return like(meta, at::zeros(std::vector<int64_t>(meta.dim(), 1), at::TensorOptions().dtype(meta.dtype())));
}

bool is_written(const c10::Argument& argument) {
  return argument.alias_info() && argument.alias_info()->isWrite();
}

bool is_generator(const c10::Argument& argument) {
  return *argument.real_type() == *c10::OptionalType::create(c10::GeneratorType::get());
}

/// The value that stands for an argument on the CPU.
c10::IValue on_cpu(const c10::Argument& argument, const c10::IValue& value, Stand stand) {
  const auto replaced = [&](const at::Tensor& tensor) {
    return tensor.defined() && tensor.is_meta() ? stand(tensor) : tensor;
  };
  if (value.isTensor() && argument.is_out())  // the operator gives it its size
    return at::empty({0}, at::TensorOptions().dtype(value.toTensor().dtype()));
  if (value.isTensor()) return replaced(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& each : value.toTensorVector()) list.push_back(replaced(each));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const std::optional<at::Tensor>& each : value.toOptionalTensorVector())
      list.push_back(each ? std::optional(replaced(*each)) : std::nullopt);
    return list;
  }
  if (value.isDevice() && value.toDevice().is_meta()) return at::Device(at::kCPU);
  if (value.isNone() && is_generator(argument)) return at::detail::createCPUGenerator();
  return value;
}

/// Runs an operator on the CPU. Returns its arguments as they were; the results are on the stack, on the CPU.
std::vector<c10::IValue> run_on_cpu(const c10::OperatorHandle& op, c10::Stack* stack, Stand stand,
                                    std::vector<c10::IValue>* used = nullptr) {
  const auto& declared = op.schema().arguments();
  std::vector<c10::IValue> arguments = torch::jit::pop(*stack, declared.size());
  std::vector<c10::IValue> cpu;
  for (size_t i = 0; i < arguments.size(); ++i) cpu.push_back(on_cpu(declared[i], arguments[i], stand));
  stack->insert(stack->end(), cpu.begin(), cpu.end());
  op.callBoxed(stack);
  if (used) *used = std::move(cpu);
  return arguments;
}

/// Puts the meta tensors in the place of an operator's results: those that it wrote to, in their order, and
/// new ones where a result is new.
template <class MakeNew>
void replace_results(const c10::OperatorHandle& op, c10::Stack* stack, const std::vector<at::Tensor>& written,
                     const MakeNew& make_new) {
  const auto& returns = op.schema().returns();
  auto next = written.begin();
  for (size_t i = 0; i < returns.size(); ++i) {
    c10::IValue& result = torch::jit::peek(*stack, i, returns.size());
    if (is_written(returns[i])) {
      result = *next++;
    } else if (result.isTensor()) {
      if (result.toTensor().defined()) result = make_new(result.toTensor());
    } else if (result.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& each : result.toTensorVector()) list.push_back(make_new(each));
      result = list;
    }
  }
}

}  // namespace

void find_shape_on_cpu(const c10::OperatorHandle& op, c10::Stack* stack) {
  std::vector<c10::IValue> used;
  const std::vector<c10::IValue> arguments = run_on_cpu(op, stack, zeros_like, &used);
  std::vector<at::Tensor> written;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!is_written(op.schema().arguments()[i])) continue;
    written.push_back(arguments[i].toTensor());
    const at::Tensor &meta = written.back(), &cpu = used[i].toTensor();
    if (!meta.is_meta() || meta.sizes() == cpu.sizes()) continue;
    meta.resize_(cpu.sizes());
    meta.unsafeGetTensorImpl()->set_sizes_and_strides(cpu.sizes(), cpu.strides());
  }
  replace_results(op, stack, written, [](const at::Tensor& result) {
    return at::empty_strided(result.sizes(), result.strides(), result.options().device(at::kMeta));
  });
}

void find_shape_of_pointwise(const c10::OperatorHandle& op, c10::Stack* stack) {
  const std::vector<c10::IValue> arguments = run_on_cpu(op, stack, one_element);
  std::vector<at::Tensor> inputs, written;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const c10::Argument& declared = op.schema().arguments()[i];
    if (!arguments[i].isTensor() || !arguments[i].toTensor().defined()) continue;
    if (is_written(declared)) written.push_back(arguments[i].toTensor());
    if (!declared.is_out()) inputs.push_back(arguments[i].toTensor());
  }
  const auto broadcast = [&](const at::Tensor& output, at::ScalarType dtype) {
    at::TensorIteratorConfig config;
    config.set_check_mem_overlap(false).check_all_same_dtype(false).check_all_same_device(false);
    if (!output.defined()) config.declare_static_dtype_and_device(dtype, at::kMeta);
    config.add_output(output);
    for (const at::Tensor& input : inputs) config.add_const_input(input);
    return config.build().output();
  };
  for (at::Tensor& output : written) output = broadcast(output, output.scalar_type());
  replace_results(op, stack, written,
                  [&](const at::Tensor& result) { return broadcast({}, result.scalar_type()); });
}

void reject_values(const c10::OperatorHandle& op, c10::Stack*) {
  const char* const does = op.hasTag(at::Tag::dynamic_output_shape)
                               ? " gives a tensor whose shape depends on the values of another"
                               : " reads the values of a tensor";
  C10_THROW_ERROR(Error, c10::str(op.schema().name(), does,
                                  ", but shapes are found on the meta device, before there are values; use "
                                  "operators that keep the shape, such as where(), masked_fill() or topk()"));
}

bool can_run_on_cpu(const c10::OperatorHandle& op) {
  if (!op.hasKernelForDispatchKey(c10::DispatchKey::CPU)) return false;
  bool takes_generator = false;
  for (const c10::Argument& each : op.schema().returns()) {
    if (each.alias_info() && !each.alias_info()->isWrite()) return false;
  }
  for (const c10::Argument& each : op.schema().arguments()) {
    if (is_written(each) && *each.type() != *c10::TensorType::get()) return false;
    takes_generator |= is_generator(each);
  }
  return takes_generator || !op.hasTag(at::Tag::nondeterministic_seeded);
}

}  // namespace flam
