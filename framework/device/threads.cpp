#include "framework/device/threads.h"

#include <ATen/Parallel.h>

#include <future>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/device/one_thread.h"

namespace flam {

void make_threads(int threads) {
  std::promise<void> all_there;
  const std::shared_future<void> go = all_there.get_future().share();
  std::vector<std::thread> tried;
  std::string problem;
  try {
    tried.reserve(static_cast<size_t>(threads));
    for (int i = 1; i < threads; ++i) tried.emplace_back([go] { go.wait(); });
  } catch (const std::system_error& error) {
    problem = error.code().message();
  } catch (const std::bad_alloc&) {
    problem = "no memory";
  }
  all_there.set_value();
  for (std::thread& thread : tried) thread.join();
  if (!problem.empty()) {
    throw RunError(cat("can't start ", threads, " threads (", problem,
                       "); give a smaller --threads, or raise the limits of processes (ulimit -u) and memory "
                       "(ulimit -v)"));
  }
  const ThreadCount computing(threads);
  at::parallel_for(0, threads, 1, [](int64_t, int64_t) {});
}

int thread_count(int asked) {
  return asked > 0 ? asked : at::get_num_threads();
}

}  // namespace flam
