#pragma once
// The base class of components. It does not depend on libtorch.

#include "framework/base/export.h"

namespace flam {

/// Base of every component. A component is const while it runs, and several threads may share it.
class FLAM_API Component {
 public:
  Component() = default;
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;
  virtual ~Component();
};

class WeightScope;  // framework/weights: where a component declares its tensors

}  // namespace flam
