#include "framework/device/threads.h"

#include <ATen/Parallel.h>

#include <future>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

void use_threads(int threads) {
  const int wanted = threads > 0 ? threads : at::get_num_threads();
  std::promise<void> all_there;
  const std::shared_future<void> go = all_there.get_future().share();
  std::vector<std::thread> tried;
  std::string problem;
  try {
    tried.reserve(static_cast<size_t>(wanted));
    for (int i = 1; i < wanted; ++i) tried.emplace_back([go] { go.wait(); });
  } catch (const std::system_error& error) {
    problem = error.code().message();
  } catch (const std::bad_alloc&) {
    problem = "no memory";
  }
  all_there.set_value();
  for (std::thread& thread : tried) thread.join();
  if (!problem.empty()) {
    throw RunError(cat("can't start ", wanted, " threads (", problem,
                       "); give a smaller --threads, or raise the limits of processes (ulimit -u) and memory "
                       "(ulimit -v)"));
  }
  if (threads > 0) at::set_num_threads(threads);
  // The pool is made now, before weights take the space that it needs.
  at::parallel_for(0, wanted, 1, [](int64_t, int64_t) {});
}

}  // namespace flam
