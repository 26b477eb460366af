#pragma once
#include <ATen/Parallel.h>

namespace flam {

/// During its lifetime, libtorch computes the calling thread's work in that thread alone, and starts no pool.
class OneThread {
 public:
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_ = at::get_num_threads();
};

}  // namespace flam
