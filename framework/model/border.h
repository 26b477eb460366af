#pragma once
#include <ATen/core/Tensor.h>

#include <string>

namespace flam {

class ComponentConfig;

/// Every call into a plugin's component passes its border, where exceptions and results are checked. A plugin
/// that breaks its contract is then one error that names the component, its library, the function and what it
/// did. The cost of a check does not show beside a forward.
class Border {
 public:
  /// What becomes of an Error that a component throws: the component's name goes in front of it, or it stays
  /// as it is, for components whose Errors are answers to a user ("part 2: the question is empty").
  enum class Errors { named, as_they_are };

  Border() = default;
  explicit Border(const ComponentConfig& component, Errors errors = Errors::named);

  /// body(), a call of the component's function `call` ("forward"). Exceptions other than Error are thrown on
  /// as a RunError with the component's name, and so are RunErrors. Running out of memory is not the
  /// component's fault; such exceptions pass unchanged.
  template <class Body>
  decltype(auto) operator()(const char* call, const Body& body) const {
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
  /// RunError: "resampler 'x' gives … (from '/plugins/libflam_x.so')"; `what` starts at "gives".
  [[noreturn]] void fail(const std::string& what) const;

 private:
  [[noreturn]] void rethrow(const char* call) const;
  std::string label_;    // "resampler 'x'"
  std::string library_;  // "" of a component that no library brought
  Errors errors_ = Errors::named;
};

}  // namespace flam
