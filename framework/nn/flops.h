#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "framework/base/export.h"

namespace at {
struct RecordFunction;
}

namespace flam {

/// Counts the floating-point operations of the products, convolutions, recurrent layers and attention that
/// this thread computes during its lifetime, whoever calls them; a multiply-add is two. The count depends
/// only on shapes, so a run on the meta device gives the same number. It is a lower bound: what operators
/// without products compute (norms, activations, the gates of recurrent layers) is not counted, nor are
/// products in kernels that call no operator of is_product(). Scopes nest: operations in an inner scope also
/// count in the outer one.
class FLAM_API FlopScope {
 public:
  FlopScope();
  ~FlopScope();
  FlopScope(const FlopScope&) = delete;
  FlopScope& operator=(const FlopScope&) = delete;

  int64_t flops() const { return flops_; }

 private:
  friend struct FlopCallbacks;
  FlopScope* outer_;
  int64_t flops_ = 0;
};

/// Whether an operator of libtorch ("aten::linear") or of framework/nn/kernels computes products. The
/// operators that it calls then compute the same ones.
FLAM_API bool is_product(std::string_view name);

/// What an operator is given, as far as its operations depend on it.
struct FLAM_API OperatorInput {
  static OperatorInput of(const at::RecordFunction& function);

  std::vector<at::Tensor> tensors;  // those that are defined, with the ones of lists, in order
  bool transposed = false;          // of a convolution
};

/// The floating-point operations of such an operator, from its input and the first tensor that it gives.
FLAM_API int64_t product_flops(std::string_view name, const OperatorInput& in, const at::Tensor& out);

}  // namespace flam
