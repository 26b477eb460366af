#include "framework/session/loader_threads.h"

#include <system_error>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <ATen/Parallel.h>

namespace flam {

LoaderThreads::~LoaderThreads() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    jobs_.clear();
  }
  has_job_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void LoaderThreads::add(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (!started_) start();
    jobs_.push_back(std::move(job));
  }
  has_job_.notify_one();
}

void LoaderThreads::start() {
  started_ = true;
  try {
    for (int i = 0; i < count_; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // The system can't start more threads. Threads that wait for pictures load them instead.
  }
}

bool LoaderThreads::run_one() {
  std::function<void()> job;
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty()) return false;
    job = std::move(jobs_.front());
    jobs_.pop_front();
  }
  job();
  return true;
}

void LoaderThreads::work() {
#ifdef _OPENMP
  // A pool of libtorch's for each loader thread would take the cores from the model. at::set_num_threads()
  // would change the number that threads of the program begin with, too; OpenMP's own call holds for this one
  // alone, once libtorch has set its number for it.
  static_cast<void>(at::get_num_threads());
  omp_set_num_threads(1);
#endif
  for (std::unique_lock lock(mutex_);;) {
    has_job_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    if (closing_) return;
    const std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

}  // namespace flam
