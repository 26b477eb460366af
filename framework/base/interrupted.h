#pragma once
#include "framework/base/error.h"

namespace flam {

/// The caller asked to stop. It says nothing about the input: what was being done is not done again.
class FLAM_API Interrupted : public RunError {
 public:
  Interrupted() : RunError("interrupted") {}
  ~Interrupted() override;
  ErrorKind kind() const override { return ErrorKind::interrupted; }
};

}  // namespace flam
