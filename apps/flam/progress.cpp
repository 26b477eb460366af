#include "apps/flam/progress.h"

#include <unistd.h>

#include <cmath>
#include <iostream>

#include "framework/base/text.h"

namespace flam::cli {

using Clock = std::chrono::steady_clock;

Progress::Progress(std::string label)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1), start_(Clock::now()), last_(start_) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (shown_) std::cerr << "\r\033[K";
  shown_ = false;
}

void Progress::update(int64_t done, int64_t total) {
  const auto now = Clock::now();
  if (!terminal_ || total <= 0 || now - start_ < std::chrono::seconds(2)) return;
  if (now - last_ < std::chrono::milliseconds(100) && done < total) return;
  last_ = now;
  shown_ = true;
  constexpr int kWidth = 30;
  const int filled = static_cast<int>(kWidth * done / total);
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double left = done > 0 ? elapsed * static_cast<double>(total - done) / static_cast<double>(done) : 0;
  std::cerr << cat("\r", label_, " [", std::string(filled, '='), std::string(kWidth - filled, ' '), "] ",
                   done, "/", total, ", ", std::lround(left), " s left\033[K");
}

}  // namespace flam::cli
