#pragma once
// What every component is, and how a slot names itself. Free of libtorch.

#include "framework/base/export.h"

namespace flam {

/// Base of every component. A component is const while it runs and may be shared by threads.
class FLAM_API Component {
 public:
  Component() = default;
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;
  virtual ~Component();
};

class WeightScope;  // framework/weights: where a component declares its tensors

}  // namespace flam
