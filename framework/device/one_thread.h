#pragma once
#include <ATen/Parallel.h>

namespace flam {

/// During its lifetime, libtorch uses that many threads for what the calling thread computes. Other threads keep
/// their own number; one that has not computed yet may start with this one.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) {
    if (threads != before_) at::set_num_threads(threads);
  }
  ~ThreadCount() {
    if (at::get_num_threads() != before_) at::set_num_threads(before_);
  }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_ = at::get_num_threads();
};

/// ThreadCount(1): libtorch makes no pool of threads.
class OneThread : ThreadCount {
 public:
  OneThread() : ThreadCount(1) {}
};

}  // namespace flam
