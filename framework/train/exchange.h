#pragma once
// What the processes that train together tell one another.

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "framework/distributed/collectives.h"
#include "framework/train/trained_tensors.h"

namespace flam {

/// The processes of a run: each differentiates its part of a step's micro-batches, and all take the same
/// step.
class FLAM_API Exchange {
 public:
  /// `collectives`: null for one process, for which the other functions do nothing.
  explicit Exchange(Collectives* collectives) : collectives_(collectives) {}

  bool is_shared() const { return collectives_ != nullptr; }
  /// Whether this is the process that writes the files and reports.
  bool is_first() const { return !is_shared() || collectives_->group().is_first(); }
  int64_t rank() const { return is_shared() ? collectives_->group().rank() : 0; }
  int64_t processes() const { return is_shared() ? collectives_->group().launch().world_size : 1; }
  /// [begin, end): the part of this process of `count` things. Parts differ by at most one.
  std::pair<int64_t, int64_t> part_of(int64_t count) const;

  /// Replaces the gradients of the tensors, which may be undefined, and the numbers (float64 on the CPU) by
  /// their sums over the processes. A gradient stays undefined if no process has one.
  void sum(const std::vector<TrainedTensor>& tensors, const at::Tensor& numbers);
  void sum(const at::Tensor& numbers);
  /// Replaces tensors on any device by those of the first process.
  void share(const std::vector<at::Tensor>& tensors);

 private:
  Collectives* collectives_;
};

/// Error: the settings, which are JSON, are not those of rank 0. All processes of the group call it.
FLAM_API void require_same_settings(Group& group, const std::string& settings,
                                    const Group::Cancelled& cancelled);

}  // namespace flam
