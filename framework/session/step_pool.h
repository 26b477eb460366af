#pragma once
// Generations whose decode step is recorded as a graph, kept for the next prompts of the same size.

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "framework/component/step_graph.h"
#include "framework/model/model.h"

namespace flam {

/// Starts generations with recorded steps. Recording costs as much as some steps, and a graph reads its
/// memory and KV cache at fixed addresses, so generations are used again: prompts are padded to a multiple of
/// kPromptBucket positions, and the room for new tokens is rounded up to a power of two. Threads may share a
/// pool. The model must outlive the pool, and the pool what it starts.
class FLAM_API StepPool {
 public:
  /// automatic: a step is recorded only if at least kWorthRecording steps may follow, or a batch of the same
  /// size has come before; other batches run ordinary steps.
  StepPool(const Model& model, std::unique_ptr<StepGraphs> graphs, bool automatic);
  ~StepPool();

  /// Like Model::start().
  std::unique_ptr<StepModel> start(const Batch& batch, int64_t beams, int64_t max_new_tokens);
  int64_t kept() const;  // generations that nobody uses at present
  void clear();          // forgets these, so that their memory is free

  static constexpr int64_t kPromptBucket = 64, kLeastRoom = 16;
  /// Recording should cost about 30 ms and save about 2.5 ms a step of the 9B configuration: an estimate from
  /// 5 µs for each of its launches, doubled, because an answer may end early.
  static constexpr int64_t kWorthRecording = 24;
  static constexpr size_t kMostKept = 4;  // each holds a KV cache

 private:
  using Size = std::array<int64_t, 5>;  // rows, beams, positions, media, room
  class Lease;
  struct Idle {
    Size size;
    std::unique_ptr<StepModel> steps;
  };

  Size size_of(const Batch& batch, int64_t beams, int64_t max_new_tokens) const;
  std::unique_ptr<StepModel> take(const Size& size);
  void give_back(const Size& size, std::unique_ptr<StepModel> steps);
  bool is_worth_recording(const Size& size, int64_t max_new_tokens);

  const Model& model_;
  std::unique_ptr<StepGraphs> graphs_;
  bool automatic_;
  mutable std::mutex mutex_;
  std::list<Idle> idle_;  // the one used last comes first
  std::list<Size> seen_;  // sizes of the last batches that were not recorded
};

}  // namespace flam
