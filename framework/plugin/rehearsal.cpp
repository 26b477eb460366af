#include "framework/plugin/rehearsal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "framework/base/child_process.h"
#include "framework/base/error.h"
#include "framework/base/text.h"

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
  // A library that calls exit() must not run the handlers nor flush the buffers that belong to the parent.
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

/// How long the child has had a processor.
std::chrono::nanoseconds processor_time(pid_t child) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(child, &clock) == 0) clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

/// The child's wait status; killed when it works longer than `timeout`, or sleeps on six times as long: on a
/// busy machine it may have to wait for its turn.
int wait_for(pid_t child, std::chrono::milliseconds timeout, const std::string& doing) {
  const auto deadline = std::chrono::steady_clock::now() + 6 * timeout;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (processor_time(child) > timeout || std::chrono::steady_clock::now() > deadline) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      throw TookTooLong(cat("did not finish ", doing, " within ", timeout.count() / 1000.0,
                            " s (tried in a child process, which was stopped)"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return status;
}
}  // namespace

TookTooLong::~TookTooLong() = default;

std::string rehearse(const std::function<std::string()>& act, std::chrono::milliseconds timeout,
                     const std::string& doing) {
  const ChildProcess child([&](int report) { run_child(act, report); });
  const int status = wait_for(child.id(), timeout, doing);
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
