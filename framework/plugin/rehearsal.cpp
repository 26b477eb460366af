#include "framework/plugin/rehearsal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "framework/base/child_process.h"
#include "framework/base/error.h"
#include "framework/base/text.h"
#include "framework/plugin/process_activity.h"

namespace flam {

namespace {
constexpr char kDone = '+', kFailed = '-';  // first byte of the child's report; the message follows

void run_child(const std::function<std::string()>& act, int report) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  for (const int signal_number : {SIGINT, SIGTERM, SIGABRT, SIGSEGV}) (void)signal(signal_number, SIG_DFL);
  const int sink = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {0, 1, 2}) dup2(sink, standard);
  // A library that calls exit() must neither run the exit handlers of the parent nor flush its buffers.
  on_exit([](int status, void*) { ChildProcess::leave(status); }, nullptr);
  std::string text;
  try {
    text = kDone + act().substr(0, 4000);
  } catch (const std::exception& e) {
    text = kFailed + std::string(e.what()).substr(0, 4000);
  } catch (...) {
    text = kFailed + std::string("throws something that is not a std::exception");
  }
  [[maybe_unused]] const auto written = write(report, text.data(), text.size());  // fits into the pipe
}

[[noreturn]] void stop(pid_t child, const std::string& why) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  throw TookTooLong(why + " (tried in a child process, which was stopped)");
}

/// Waits for the child and returns its wait status. The child is killed if it exceeds a limit.
int wait_for(pid_t child, const RehearsalLimits& limits, const std::string& doing) {
  using Clock = std::chrono::steady_clock;
  using std::chrono::nanoseconds, std::chrono::milliseconds;
  constexpr nanoseconds kLongestPause = milliseconds(20);
  const auto seconds = [](milliseconds time) { return static_cast<double>(time.count()) / 1000; };
  nanoseconds nap{0}, asleep{0}, pause = milliseconds(1);
  ProcessActivity before;
  Clock::time_point looked = Clock::now();
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    const ProcessActivity now = activity_of(child);
    const Clock::time_point time = Clock::now();
    // A much longer pause means that this process was suspended, probably together with the child.
    const nanoseconds passed = std::min<nanoseconds>(time - looked, 5 * kLongestPause);
    const bool slept = !now.runnable && now.running == before.running && now.waiting == before.waiting;
    nap = slept ? nap + passed : nanoseconds(0);
    if (slept) asleep += passed;
    if (now.running > limits.working)
      stop(child, cat("did not finish ", doing, " within ", seconds(limits.working), " s"));
    if (nap > limits.asleep) stop(child, cat("was asleep for ", seconds(limits.asleep), " s while ", doing));
    if (asleep > 6 * limits.asleep)
      stop(child, cat("was asleep for ", seconds(6 * limits.asleep), " s in all while ", doing));
    before = now;
    looked = time;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause + pause / 8, kLongestPause);
  }
  return status;
}
}  // namespace

TookTooLong::~TookTooLong() = default;

std::string rehearse(const std::function<std::string()>& act, const RehearsalLimits& limits,
                     const std::string& doing) {
  const ChildProcess child([&](int report) { run_child(act, report); });
  const int status = wait_for(child.id(), limits, doing);
  char report[4096];
  const ssize_t length = read(child.report(), report, sizeof report);
  if (length > 0) {
    const std::string text(report + 1, static_cast<size_t>(length) - 1);
    return report[0] == kDone ? text : throw Error(text);
  }
  if (WIFSIGNALED(status)) {
    throw Error(cat("ends the process while ", doing, ": ", strsignal(WTERMSIG(status)), " (signal ",
                    WTERMSIG(status), ", tried in a child process)"));
  }
  throw Error(cat("ends the process while ", doing, ": exit status ", WEXITSTATUS(status),
                  " (tried in a child process)"));
}

}  // namespace flam
