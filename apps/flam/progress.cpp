#include "apps/flam/progress.h"

#include <unistd.h>

#include <cstdio>

namespace flam::cli {

using Clock = std::chrono::steady_clock;

Progress::Progress(std::string label)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1), start_(Clock::now()), last_(start_) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
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
  std::fprintf(stderr, "\r%s [%s%s] %lld/%lld, %.0f s left\033[K", label_.c_str(),
               std::string(filled, '=').c_str(), std::string(kWidth - filled, ' ').c_str(),
               static_cast<long long>(done), static_cast<long long>(total), left);
  std::fflush(stderr);
}

}  // namespace flam::cli
