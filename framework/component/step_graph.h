#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

#include "framework/registry/component.h"

namespace flam {

/// What a decode step queues on a device, recorded once and queued again as a whole.
class FLAM_API StepGraph {
 public:
  virtual ~StepGraph();
  /// Records `work`, which may be run several times for that: it gives the same each time, reads and writes
  /// memory that stays where it is, waits for nothing, and changes no state of the host. Not kept beyond this
  /// call.
  virtual void capture(const std::function<void()>& work) = 0;
  /// Queues what was recorded on the device's current stream; tensors that `work` made hold the new values.
  virtual void replay() = 0;
};

/// step_graph: graphs for one device. No config names one: the program looks for it when it is asked to
/// (`--cuda-graph`).
class FLAM_API StepGraphs : public Component {
 public:
  static constexpr const char* kKind = "step_graph";
  struct Input {
    at::Device device = at::kCPU;
  };

  ~StepGraphs() override;
  virtual std::unique_ptr<StepGraph> make() const = 0;
};

}  // namespace flam
