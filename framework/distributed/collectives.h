#pragma once
// Tensors that all processes of a group combine.

#include <ATen/core/Tensor.h>

#include <memory>

#include "framework/distributed/group.h"

namespace flam {

/// Collective operations over TCP, by libtorch's Gloo. All processes of the group must make the same calls in
/// the same order, with tensors of the same shape and type, which are contiguous and on the CPU. Calls wait
/// for the other processes, however long these compute. All calls: what another process has failed with, as
/// in Group::check(); RunError if a process has ended, or gives no sign of life for the group's timeout.
class FLAM_API Collectives {
 public:
  /// Waits until all processes of the group have come here, and connects each of them with all others.
  /// Interrupted: `cancelled` returned true before.
  Collectives(Group& group, const Group::Cancelled& cancelled);
  ~Collectives();
  Collectives(const Collectives&) = delete;
  Collectives& operator=(const Collectives&) = delete;

  /// Replaces the numbers by their sums over the processes, which are the same bits in all of them.
  void sum(const at::Tensor& numbers);
  /// Replaces the numbers by those of rank 0.
  void broadcast(const at::Tensor& numbers);

  Group& group() { return group_; }

 private:
  struct Backend;
  template <class Start>
  void run(const Start& start);

  Group& group_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace flam
