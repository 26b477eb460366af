#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>

#include "framework/registry/component.h"

namespace flam {

/// The work that a decode step queues on a device, recorded once and then queued again as a whole.
class FLAM_API StepGraph {
 public:
  virtual ~StepGraph();
  /// Records `work`, which may run several times for this. It must give the same result each time, use memory
  /// at fixed addresses, not wait for the device, and not change any state of the host. `work` is not kept
  /// after this call.
  virtual void capture(const std::function<void()>& work) = 0;
  /// Queues the recorded work on the device's current stream. The tensors that `work` created then hold the
  /// new values.
  virtual void replay() = 0;
};

/// step_graph: graphs for one device. No config names one: the program looks it up for `--cuda-graph`.
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
