#pragma once
// A stand-in for device graphs that works on the CPU.

#include <functional>
#include <utility>

#include "framework/component/step_graph.h"

namespace flam::test {

/// Calls the work again instead of recording it. `around`, if given, gets each call of the work.
class CalledAgain final : public StepGraph {
 public:
  explicit CalledAgain(std::function<void(const std::function<void()>&)> around = {})
      : around_(std::move(around)) {}
  void capture(const std::function<void()>& work) override {
    work_ = work;
    work_();
  }
  void replay() override {
    if (around_) {
      around_(work_);
    } else {
      work_();
    }
  }

 private:
  std::function<void()> work_;
  std::function<void(const std::function<void()>&)> around_;
};

}  // namespace flam::test
