#pragma once
#include <c10/core/Device.h>

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// Milliseconds by stage, in the order first seen: decode, transform, vision, resampler, tokenize, prefill,
/// step, score.
class FLAM_API StageTimes {
 public:
  struct Entry {
    std::string stage;
    std::vector<double> milliseconds;  // one for each time the stage ran
    double total() const;
  };
  void add(const std::string& stage, double milliseconds);
  std::vector<Entry> entries() const;

  /// Adds the time from construction to destruction, of a `device` until it has done what was queued; does
  /// nothing without `times`.
  class FLAM_API Scope {
   public:
    Scope(StageTimes* times, const char* stage, c10::Device device = c10::kCPU);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    StageTimes* times_;
    const char* stage_;
    c10::Device device_;
    std::chrono::steady_clock::time_point start_;
  };

 private:
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace flam
