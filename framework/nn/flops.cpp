#include "framework/nn/flops.h"

#include <limits>

namespace flam {

namespace {
thread_local FlopScope* innermost = nullptr;
}

FlopScope::FlopScope() : outer_(innermost) {
  innermost = this;
}
FlopScope::~FlopScope() {
  innermost = outer_;
}

void count_flops(int64_t flops) {
  for (FlopScope* scope = innermost; scope; scope = scope->outer_) {
    if (__builtin_add_overflow(scope->flops_, flops, &scope->flops_))
      scope->flops_ = std::numeric_limits<int64_t>::max();
  }
}

}  // namespace flam
