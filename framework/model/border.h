#pragma once
#include <ATen/core/Tensor.h>

#include <string>

#include "framework/base/export.h"

namespace flam {

class ComponentConfig;

/// Checks every call into a plugin's component: its exceptions and its results. A plugin that breaks its
/// contract causes one error, which names the component, its library, the function and what is wrong. The
/// cost of a check is negligible compared with a forward pass.
class FLAM_API Border {
 public:
  /// How an Error that a component throws is passed on: with the component's name in front of it, or
  /// unchanged, for components whose Errors are addressed to the user ("part 2: the question is empty").
  enum class Errors { named, as_they_are };

  Border() = default;
  explicit Border(const ComponentConfig& component, Errors errors = Errors::named);

  /// Returns body(), which calls the component's function `call` ("forward"). An Error is passed on as
  /// `errors` says. Every other exception, and a RunError, is rethrown as a RunError with the component's
  /// name. `std::bad_alloc` and libtorch's out-of-memory errors are passed on unchanged, because running out
  /// of memory is not the component's fault.
  template <class Body>
  decltype(auto) operator()(const char* call, const Body& body) const {
    try {
      return body();
    } catch (...) {
      rethrow(call);
    }
  }

  /// Returns body(), which must be a tensor of `shape` with the dtype and device of `options`. RunError: it
  /// is not.
  template <class Body>
  at::Tensor tensor(const char* call, at::IntArrayRef shape, const at::TensorOptions& options,
                    const Body& body) const {
    at::Tensor out = (*this)(call, body);
    check(call, out, shape, options);
    return out;
  }

  void check(const char* call, const at::Tensor& out, at::IntArrayRef shape,
             const at::TensorOptions& options) const;
  /// RunError: "resampler 'x' gives … (from '/plugins/libflam_x.so')"; `what` starts at "gives".
  [[noreturn]] void fail(const std::string& what) const;

 private:
  [[noreturn]] void rethrow(const char* call) const;
  std::string label_;    // "resampler 'x'"
  std::string library_;  // "" for a component that was not loaded from a library
  Errors errors_ = Errors::named;
};

}  // namespace flam
