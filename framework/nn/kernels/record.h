#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

#include <initializer_list>
#include <vector>

namespace flam::kernels {

/// compute(), recorded like an operator of libtorch.
template <class Compute>
at::Tensor recorded(const char* name, std::initializer_list<at::Tensor> inputs, const Compute& compute) {
  at::RecordFunction record(at::RecordScope::FUNCTION);
  if (record.isActive()) {
    const std::vector<c10::IValue> values(inputs.begin(), inputs.end());
    record.before(name, c10::ArrayRef<const c10::IValue>(values.data(), values.size()));
  }
  at::Tensor out = compute();
  if (record.isActive() && record.needsOutputs()) record.setOutputs(std::vector<c10::IValue>{out});
  return out;
}

}  // namespace flam::kernels
