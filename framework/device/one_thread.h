#pragma once
#include <ATen/Parallel.h>

namespace flam {

/// Sets how many threads libtorch uses for work of the calling thread, and restores the number when it is
/// destroyed. Other threads keep their own number, but a thread that has not computed anything yet may start
/// with this one.
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

/// ThreadCount(1), with which libtorch starts no thread pool.
class OneThread : ThreadCount {
 public:
  OneThread() : ThreadCount(1) {}
};

}  // namespace flam
