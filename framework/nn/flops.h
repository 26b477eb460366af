#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// Counts the floating-point operations of the products, convolutions and attention that this thread computes
/// during its lifetime, whoever calls them; a multiply-add is two. The count depends only on shapes, so a run
/// on the meta device gives the same number. Scopes nest: operations in an inner scope also count in the
/// outer one.
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
/// The floating-point operations of such an operator, from its tensors and the first one that it gives.
FLAM_API int64_t product_flops(std::string_view name, const std::vector<at::Tensor>& in,
                               const at::Tensor& out);

}  // namespace flam
