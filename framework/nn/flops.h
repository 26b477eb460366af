#pragma once
#include <cstdint>

#include "framework/base/export.h"

namespace flam {

/// Counts the floating-point operations of this thread's Linear layers, convolutions and attention during its
/// lifetime; a multiply-add is two. The count depends only on shapes, so a run on the meta device gives the
/// same number. Scopes nest: operations in an inner scope also count in the outer one.
class FLAM_API FlopScope {
 public:
  FlopScope();
  ~FlopScope();
  FlopScope(const FlopScope&) = delete;
  FlopScope& operator=(const FlopScope&) = delete;

  int64_t flops() const { return flops_; }

 private:
  friend FLAM_API void count_flops(int64_t);
  FlopScope* outer_;
  int64_t flops_ = 0;
};

/// Adds to every open scope of this thread.
FLAM_API void count_flops(int64_t flops);

}  // namespace flam
