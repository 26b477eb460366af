#pragma once
#include <c10/core/Device.h>

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// Milliseconds by stage, in the order in which the stages first ran: decode, transform, vision, resampler,
/// tokenize, prefill, step, score.
class FLAM_API StageTimes {
 public:
  struct Entry {
    std::string stage;
    std::vector<double> milliseconds;  // one for each time the stage ran
    double total() const;
  };
  void add(const std::string& stage, double milliseconds);
  std::vector<Entry> entries() const;

  /// Adds the time from construction to destruction. At both ends it waits until the `device` has finished
  /// its queued work. Does nothing if `times` is null.
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
