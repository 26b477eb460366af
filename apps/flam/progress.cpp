#include "apps/flam/progress.h"

#include <unistd.h>

#include <cmath>
#include <iostream>
#include <utility>

#include "framework/base/text.h"
#include "framework/report/figures.h"

namespace flam::cli {

using Clock = std::chrono::steady_clock;

namespace {

std::string duration(double seconds) {
  const int64_t whole = std::lround(seconds), minutes = std::lround(seconds / 60);
  if (whole < 100) return cat(whole, " s");
  if (minutes < 100) return cat(minutes, " min");
  return cat(minutes / 60, " h ", minutes % 60, " min");
}

}  // namespace

Progress::Progress(std::string label, std::string unit)
    : label_(std::move(label)), unit_(std::move(unit)), terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (shown_) std::cerr << "\r\033[K";
  shown_ = false;
}

void Progress::update(int64_t done, int64_t total, int64_t kept) {
  const auto now = Clock::now();
  if (!std::exchange(started_, true)) start_ = last_ = now;
  if (!terminal_ || total <= 0 || now - start_ < std::chrono::seconds(2)) return;
  if (now - last_ < std::chrono::milliseconds(100) && done < total) return;
  last_ = now;
  shown_ = true;
  constexpr int kWidth = 30;
  const int filled = static_cast<int>(kWidth * done / total);
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double rate = static_cast<double>(done - kept) / elapsed;
  std::cerr << cat("\r", label_, " [", std::string(filled, '='), std::string(kWidth - filled, ' '), "] ",
                   done, "/", total);
  if (rate > 0 && !unit_.empty()) std::cerr << cat(", ", significant(rate, 3), " ", unit_, "/s");
  if (rate > 0) std::cerr << cat(", ", duration(static_cast<double>(total - done) / rate), " left");
  std::cerr << "\033[K";
}

}  // namespace flam::cli
