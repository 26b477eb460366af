#pragma once
// Work that the processes of a group share.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "framework/distributed/group.h"

namespace flam {

/// Deals the batches 0 … count-1 to the processes, one after another, to whoever asks first. A batch of a
/// process that has died, or was started again, is dealt again. All processes must name the same count.
class FLAM_API BatchDealer {
 public:
  BatchDealer(Group& group, int64_t count) : group_(group), count_(count) {}

  /// The next batch for this process; nullopt if all have been dealt.
  std::optional<int64_t> draw();
  /// To be called when the results of a batch can no longer be lost. `kept` of its records were done before.
  void finish(int64_t batch, int64_t records, int64_t kept);
  /// After the last draw: waits for the other processes. Returns a batch that one of them left behind, or
  /// nullopt once all batches are done. `waiting` is called now and then. Errors: as in Group::pause().
  std::optional<int64_t> rescue(const Group::Cancelled& cancelled, const std::function<void()>& waiting);

  /// The records of the batches that are done, in all processes.
  int64_t records_done() { return group_.store().add("records", 0); }
  int64_t records_kept() { return group_.store().add("kept", 0); }

 private:
  std::string own_claim() const;
  void find_open(int64_t begin, int64_t end, std::vector<int64_t>& out);
  bool is_abandoned(int64_t batch, const std::optional<std::string>& claim);

  Group& group_;
  const int64_t count_;
  std::optional<std::vector<int64_t>> open_;  // batches that were not done when last looked at
  std::map<int64_t, std::chrono::steady_clock::time_point> unclaimed_;
};

}  // namespace flam
