#pragma once
// Records the operators of libtorch that a thread calls, with their shapes, and counts the work that their
// result requires: floating-point operations, and bytes that must come from memory.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// One call of an operator. The work is counted at the outermost call only (depth 0).
struct OperatorCall {
  std::string name;  // "aten::linear"
  int depth = 0;     // number of operators that it was called by
  double start_ms = 0, ms = 0;
  std::vector<std::vector<int64_t>> shapes;  // of its tensors
  std::string dtype;                         // of the first of them; "" if it takes none
  int64_t flops = 0;                         // of its matrix products, convolutions and attention
  int64_t bytes = 0;  // of its tensors that no operator of the stage has made, each counted once a stage
};

/// The calls during one stage, in the order in which they began.
struct RecordedStage {
  std::string name;
  double start_ms = 0, ms = 0;
  std::vector<OperatorCall> calls;
  int64_t unseen_bytes = 0;  // as the caller of end() says
};

/// While it exists, it records the operators that its thread calls between begin() and end(). A thread has
/// one recorder at a time. Times are in milliseconds since the recorder was made; on a CUDA device they are
/// those of queueing the work.
class FLAM_API OperatorRecorder {
 public:
  OperatorRecorder();
  ~OperatorRecorder();
  OperatorRecorder(const OperatorRecorder&) = delete;
  OperatorRecorder& operator=(const OperatorRecorder&) = delete;

  void begin(const std::string& stage);
  void end(int64_t unseen_bytes = 0);
  const std::vector<RecordedStage>& stages() const { return stages_; }

 private:
  friend struct RecorderCallbacks;
  double now() const;

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  uint64_t handle_ = 0;
  std::vector<RecordedStage> stages_;
  struct Open;
  std::unique_ptr<Open> open_;  // the stage between begin() and end()
};

}  // namespace flam
