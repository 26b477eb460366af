// Runs every operator that has no kernel of its own on the CPU's kernels.
#include <ATen/Context.h>
#include <torch/library.h>

#include <set>

#include "tests/fake_device/memory.h"

namespace flam::test {

namespace {

/// Operators whose result has a size that only the device knows, or is a number for the host.
bool waits_for_the_device(const std::string& name) {
  static const std::set<std::string> names = {"aten::nonzero", "aten::masked_select", "aten::equal",
                                              "aten::_unique2", "aten::unique_dim"};
  return names.contains(name);
}

/// The arguments of one call, exchanged for tensors on the host.
class Call {
 public:
  Call(const c10::OperatorHandle& op, torch::jit::Stack& stack)
      : schema_(op.schema()),
        name_(schema_.operator_name().name),
        first_(stack.size() - schema_.arguments().size()) {
    count_operator(name_);
    if (waits_for_the_device(name_)) count_synchronisation();
    given_.assign(stack.begin() + static_cast<std::ptrdiff_t>(first_), stack.end());
    for (size_t i = 0; i < given_.size(); ++i) stack[first_ + i] = host_.emplace_back(exchanged(given_[i]));
  }

  void finish(torch::jit::Stack& stack) const {
    for (size_t i = 0; i < given_.size(); ++i) {
      if (is_written(schema_.arguments()[i]) && given_[i].isTensor() && given_[i].toTensor().defined())
        take_size(given_[i].toTensor(), host_[i].toTensor());
    }
    const size_t count = schema_.returns().size(), first = stack.size() - count;
    for (size_t i = 0; i < count; ++i) stack[first + i] = result(schema_.returns()[i], stack[first + i]);
  }

 private:
  static bool is_written(const c10::Argument& argument) {
    return argument.alias_info() && argument.alias_info()->isWrite();
  }

  at::Tensor exchanged(const at::Tensor& tensor) const {
    // Kernels of CUDA take numbers of the host, too.
    const bool allowed =
        !tensor.defined() || tensor.is_privateuseone() || (tensor.is_cpu() && tensor.dim() == 0);
    TORCH_CHECK(allowed, name_, " was given tensors of two devices: one on the fake device and one of ",
                tensor.sizes(), " on ", tensor.device());
    return on_host(tensor);
  }

  c10::IValue exchanged(const c10::IValue& value) const {
    if (value.isTensor()) return exchanged(value.toTensor());
    if (value.isDevice()) return c10::Device(c10::kCPU);
    if (value.isTensorList()) {
      std::vector<at::Tensor> out;
      for (const at::Tensor& tensor : value.toTensorVector()) out.push_back(exchanged(tensor));
      return out;
    }
    if (!value.isOptionalTensorList()) return value;
    c10::List<std::optional<at::Tensor>> out;
    for (const std::optional<at::Tensor> tensor : value.toOptionalTensorList()) {
      if (tensor && tensor->defined() && tensor->scalar_type() == at::kBool) count_synchronisation();
      out.push_back(tensor ? std::optional(exchanged(*tensor)) : std::nullopt);
    }
    return out;
  }

  c10::IValue result(const c10::Argument& declared, const c10::IValue& value) const {
    if (is_written(declared)) {
      for (size_t i = 0; i < given_.size(); ++i) {
        const c10::Argument& argument = schema_.arguments()[i];
        if (is_written(argument) &&
            argument.alias_info()->beforeSets() == declared.alias_info()->beforeSets())
          return given_[i];
      }
    }
    TORCH_CHECK(!declared.alias_info(), name_, " gives a view, for which the fake device has no kernel");
    if (value.isTensor()) return on_fake_device(value.toTensor());
    if (!value.isTensorList()) return value;
    std::vector<at::Tensor> out;
    for (const at::Tensor& tensor : value.toTensorVector()) out.push_back(on_fake_device(tensor));
    return out;
  }

  const c10::FunctionSchema& schema_;
  const std::string name_;
  const size_t first_;
  std::vector<c10::IValue> given_, host_;
};

void on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const Call call(op, *stack);
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  call.finish(*stack);
}

}  // namespace

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&on_cpu>());
}

// Operators that libtorch would make of several others, but that are one kernel on CUDA.
TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  for (const char* name : {"native_layer_norm", "_fused_rms_norm", "_foreach_add.List", "_foreach_add_.List",
                           "_foreach_add_.Scalar", "_foreach_mul_.Scalar", "_foreach_mul_.Tensor",
                           "_foreach_mul.List", "_foreach_mul_.List", "_foreach_div_.Scalar",
                           "_foreach_div_.List", "_foreach_sqrt", "_foreach_norm.Scalar",
                           "_foreach_lerp_.Scalar", "_foreach_addcmul_.Scalar", "_foreach_addcdiv_.Scalar",
                           "_foreach_addcdiv_.ScalarList", "_foreach_mul.Scalar", "_foreach_div.Scalar"})
    library.impl(name, torch::CppFunction::makeFromBoxedFunction<&on_cpu>());
}

}  // namespace flam::test
