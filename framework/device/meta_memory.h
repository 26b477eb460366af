#pragma once
// How much memory a computation would take, found on the meta device, where tensors have sizes but no memory.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// While it exists, it follows the tensors on the meta device that operators of libtorch make in its thread,
/// and how many bytes those that exist at the same time would take. A thread has one of it at a time.
class FLAM_API MetaMemory {
 public:
  /// `known` tensors exist before and are not counted.
  explicit MetaMemory(const std::vector<at::Tensor>& known);
  ~MetaMemory();
  MetaMemory(const MetaMemory&) = delete;
  MetaMemory& operator=(const MetaMemory&) = delete;

  /// The bytes of the tensors that exist now.
  int64_t current() const;
  /// The most bytes that existed at one time since the last call of restart_peak(), or since the beginning.
  int64_t peak() const;
  void restart_peak();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flam
