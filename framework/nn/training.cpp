#include "framework/nn/training.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include "framework/base/error.h"

namespace flam {

namespace {
thread_local Training* innermost = nullptr;
}

Training::Training(uint64_t seed) : seed_(seed), outer_(innermost) {
  innermost = this;
}

Training::~Training() {
  innermost = outer_;
}

bool Training::is_on() {
  return innermost != nullptr;
}

at::Generator& Training::generator(at::Device device) {
  if (!innermost) throw RunError("draws random numbers of training, but there is no Training on this thread");
  if (!device.is_cuda()) {
    auto& generator = innermost->on_cpu_;
    if (!generator) generator = at::detail::createCPUGenerator(innermost->seed_);
    return *generator;
  }
  auto& generator = innermost->on_device_;
  if (!generator || generator->device() != device) {
    // A copy, because the default generator of a device is shared by all threads.
    generator = at::globalContext().defaultGenerator(device).clone();
    generator->set_current_seed(innermost->seed_);
  }
  return *generator;
}

}  // namespace flam
