#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace flam::cli {

/// A progress bar on stderr with the rate and the time left, shown only on a terminal and only after two
/// seconds of work. The time counts from the first update.
class Progress {
 public:
  /// `unit` is what the rate counts, such as "pictures"; without it, no rate is shown.
  explicit Progress(std::string label, std::string unit = "");
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// `kept` of those that are done were done before, and do not count for the rate. Nothing is shown for a
  /// total of 0.
  void update(int64_t done, int64_t total, int64_t kept = 0);
  void clear();  // before other lines are printed

 private:
  std::string label_, unit_;
  bool terminal_;
  bool shown_ = false, started_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace flam::cli
