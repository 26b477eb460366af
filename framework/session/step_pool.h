#pragma once
// Generations whose decode step is recorded as a graph, kept for the next prompts of the same size.

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>

#include "framework/component/step_graph.h"
#include "framework/model/model.h"

namespace flam {

/// Starts generations with recorded steps. Recording costs as much as some steps, and its memory and the KV
/// cache are the graph's, so generations are used again: prompts are padded to a multiple of kPromptBucket
/// tokens, and the room for new tokens is rounded up to a power of two. Threads may share a pool. The model
/// must outlive the pool, and the pool what it starts.
class FLAM_API StepPool {
 public:
  /// automatic: a step is recorded only if at least kWorthRecording steps may follow, or a batch of the same
  /// size has come before; other batches run ordinary steps.
  StepPool(const Model& model, std::unique_ptr<StepGraphs> graphs, bool automatic);
  ~StepPool();

  /// Like Model::start().
  std::unique_ptr<StepModel> start(const Batch& batch, int64_t beams, int64_t max_new_tokens);
  int64_t kept() const;  // generations that nobody uses at present

  static constexpr int64_t kPromptBucket = 64, kLeastRoom = 16;
  /// Recording costs about 30 ms and saves about 2.5 ms a step of the 9B configuration.
  static constexpr int64_t kWorthRecording = 24;
  static constexpr size_t kMostKept = 4;  // each holds a KV cache

 private:
  using Size = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>;  // rows, beams, tokens, media, room
  class Lease;
  struct Idle {
    Size size;
    std::unique_ptr<StepModel> steps;
  };

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
