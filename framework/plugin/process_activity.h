#pragma once
#include <sys/types.h>

#include <chrono>

namespace flam {

/// What the threads of a process have done so far. A process is asleep between two looks if no thread is
/// runnable and neither of the times has grown.
struct ProcessActivity {
  std::chrono::nanoseconds running{0};  // on a processor
  std::chrono::nanoseconds waiting{0};  // for a processor, of the threads that still exist
  bool runnable = false;                // at this moment a thread runs or waits for its turn
};

/// Read from the process clock and from /proc (proc(5): task/TID/stat, task/TID/schedstat). What the kernel
/// does not tell, or of a process that has ended, is 0.
ProcessActivity activity_of(pid_t process);

}  // namespace flam
