#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace flam::cli {

/// A progress bar on stderr, shown only on a terminal and only after two seconds of work.
class Progress {
 public:
  explicit Progress(std::string label);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(int64_t done, int64_t total);  // nothing is shown for a total of 0
  void clear();                              // before other lines are printed

 private:
  std::string label_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace flam::cli
