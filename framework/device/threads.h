#pragma once

namespace flam {

/// Makes libtorch start its pool of `threads` threads (at least 1) for the calling thread, before the weights
/// take the memory that the threads need. ThreadCount then sets how many of them are used. RunError: the
/// system can't start so many threads; libtorch's pool would end the process or hang in that case. The test
/// uses the system's default stack size, so it can miss that a larger OMP_STACKSIZE fails.
void make_threads(int threads);

/// Returns `asked`, or if that is 0, libtorch's default for the calling thread, which is the number of cores.
int thread_count(int asked);

}  // namespace flam
