#include "framework/session/loader_threads.h"

#include <system_error>

#include "framework/device/one_thread.h"

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
    // The system gives no more of them: those that wait for pictures load them.
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
  const OneThread one;  // a pool of libtorch's for each loader thread would take the cores from the model
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
