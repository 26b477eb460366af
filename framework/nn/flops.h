#pragma once
#include <cstdint>

#include "framework/base/export.h"

namespace flam {

/// Counts the floating-point operations of this thread's Linear layers, convolutions and attention while it
/// lives; a multiply-add is two. What is counted depends on shapes alone, so a run on the meta device gives
/// the same figure. Scopes nest: what an inner one counts, the outer one counts too.
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

/// Adds to every scope that is open on this thread.
FLAM_API void count_flops(int64_t flops);

}  // namespace flam
