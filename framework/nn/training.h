#pragma once
// Whether layers train. There is no flag in the components' interfaces: a guard sets it for a thread, as
// at::NoGradGuard does.

#include <ATen/core/Generator.h>

#include <cstdint>
#include <optional>

#include "framework/base/export.h"

namespace flam {

/// While one of these lives, layers that behave differently in training (Dropout, DropPath) do so on this
/// thread. The trainer makes one for each batch that it differentiates, with a seed of the run's seed, the
/// step and the batch, so a resumed run draws the same numbers. There is none in validation, inference,
/// verification, or while shapes are found.
///
///   const Training training(/*seed=*/7);
///   model.forward(batch);  // with dropout
class FLAM_API Training {
 public:
  explicit Training(uint64_t seed);
  ~Training();
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  static bool is_on();
  /// The generator from which layers draw on this device: that of CUDA for a CUDA device, else that of the
  /// CPU, whose numbers must then be moved. RunError: there is no Training.
  static at::Generator& generator(at::Device device);

 private:
  uint64_t seed_;
  Training* outer_;
  std::optional<at::Generator> on_cpu_, on_device_;
};

}  // namespace flam
