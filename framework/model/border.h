#pragma once
#include <ATen/core/Tensor.h>

#include <string>
#include <utility>

namespace flam {

/// Where a call into a plugin's component returns: what it threw or gave is checked here, so that a plugin
/// that doesn't keep its contract is named with what it did. Costs nothing that a forward would notice.
class Border {
 public:
  Border() = default;
  /// `label` names the component: "resampler 'perceiver'".
  explicit Border(std::string label) : label_(std::move(label)) {}

  /// body(), a call of the component's function `call` ("forward"). What it throws is thrown on with the
  /// component's name: an Error as it is, anything else as a RunError; memory that ran out is nobody's lie
  /// and stays what it is.
  template <class Body>
  auto operator()(const char* call, const Body& body) const {
    try {
      return body();
    } catch (...) {
      rethrow(call);
    }
  }

  /// body() gives a tensor of `shape`, of the dtype and on the device of `options`. RunError: it doesn't.
  template <class Body>
  at::Tensor tensor(const char* call, at::IntArrayRef shape, const at::TensorOptions& options,
                    const Body& body) const {
    at::Tensor out = (*this)(call, body);
    check(call, out, shape, options);
    return out;
  }

  void check(const char* call, const at::Tensor& out, at::IntArrayRef shape,
             const at::TensorOptions& options) const;
  [[noreturn]] void fail(const std::string& what) const;  // RunError: "resampler 'x' gives …"

 private:
  [[noreturn]] void rethrow(const char* call) const;
  std::string label_;
};

}  // namespace flam
