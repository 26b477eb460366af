#pragma once
#include <sys/types.h>

#include <chrono>

namespace flam {

/// What the threads of a process have done so far. A process was asleep between two measurements if no thread
/// is runnable and neither time has increased.
struct ProcessActivity {
  std::chrono::nanoseconds running{0};  // on a processor
  std::chrono::nanoseconds waiting{0};  // for a processor, of the threads that still exist
  bool runnable = false;                // a thread currently runs or waits for a processor
};

/// Reads the activity from the process clock and from /proc (proc(5): task/TID/stat, task/TID/schedstat). A
/// value is 0 if the kernel does not report it or the process has ended.
ProcessActivity activity_of(pid_t process);

}  // namespace flam
