#include "framework/plugin/process_activity.h"

#include "framework/base/list_folder.h"

#include <time.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace flam {

namespace {

std::chrono::nanoseconds processor_time(pid_t process) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(process, &clock) == 0) clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// The state of a thread follows its name, which is in brackets and may itself contain brackets.
bool is_runnable(const std::filesystem::path& thread) {
  std::ifstream file(thread / "stat");
  std::string text;
  std::getline(file, text);  // fails without an exception if the thread has ended meanwhile
  const size_t name_end = text.rfind(") ");
  return name_end != std::string::npos && text.compare(name_end + 2, 2, "R ") == 0;
}

std::chrono::nanoseconds waiting_time(const std::filesystem::path& thread) {
  std::ifstream file(thread / "schedstat");
  int64_t running = 0, waiting = 0;
  return std::chrono::nanoseconds(file >> running >> waiting ? waiting : 0);
}

}  // namespace

ProcessActivity activity_of(pid_t process) {
  ProcessActivity activity;
  activity.running = processor_time(process);
  std::error_code ended;
  for (const std::filesystem::path& thread :
       list_folder("/proc/" + std::to_string(process) + "/task", ended)) {
    activity.runnable = activity.runnable || is_runnable(thread);
    activity.waiting += waiting_time(thread);
  }
  return activity;
}

}  // namespace flam
