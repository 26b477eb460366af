#pragma once
// Threads that read, decode and resize pictures while the model runs.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "framework/base/export.h"

namespace flam {

/// Runs jobs in the order in which they were added. The threads are started with the first job. If the system
/// can't start any, the thread that waits for a job runs it.
class FLAM_API LoaderThreads {
 public:
  explicit LoaderThreads(int count) : count_(count) {}
  ~LoaderThreads();
  LoaderThreads(const LoaderThreads&) = delete;
  LoaderThreads& operator=(const LoaderThreads&) = delete;

  void add(std::function<void()> job);
  /// Returns when `done` is ready. Until then, the calling thread runs queued jobs.
  template <class T>
  void wait(const std::shared_future<T>& done) {
    while (done.wait_for(std::chrono::seconds(0)) != std::future_status::ready && run_one()) {
    }
    done.wait();
  }

 private:
  bool run_one();  // false if the queue is empty
  void start();
  void work();

  const int count_;
  std::mutex mutex_;
  std::condition_variable has_job_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  bool started_ = false, closing_ = false;
};

}  // namespace flam
