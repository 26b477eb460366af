#include "framework/commands/compare/child.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>

#include "framework/base/child_process.h"
#include "framework/base/text.h"
#include "framework/registry/reason.h"

namespace flam {

namespace {

constexpr char kDone = '+', kCancelled = '.', kFailed = '-';  // first byte of the report; the message follows

void run_child(const std::function<bool()>& work, int report, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);  // the parent has already died
  std::string text;
  try {
    text = work() ? kDone : kCancelled;
  } catch (const std::bad_alloc&) {
    text = kFailed + std::string("not enough memory");
  } catch (const std::exception& error) {
    text = kFailed + reason_of(error);
  } catch (...) {
    text = kFailed + std::string("throws something that is not a std::exception");
  }
  for (size_t done = 0; done < text.size();) {
    const ssize_t written = write(report, text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) break;
    if (written > 0) done += static_cast<size_t>(written);
  }
  (void)std::fflush(stderr);
}

/// The caller's view of a child: what it has reported so far, and whether it still reports and runs.
class Child {
 public:
  explicit Child(const ChildProcess& process) : process_(process) {}

  /// Waits up to `time` for a report or for the end of the child. Returns false if the child has ended.
  bool wait(std::chrono::milliseconds time) {
    // Checked before the pipe is read, because a child that has ended has written all of its report.
    const bool ended = has_ended();
    pollfd pipe{process_.report(), POLLIN, 0};
    if (!ended) poll(&pipe, reports_ ? 1 : 0, static_cast<int>(time.count()));
    read_report();
    return !ended;
  }
  void send(int signal_number) const { kill(process_.id(), signal_number); }

  bool reports() const { return reports_; }  // the pipe is open
  const std::string& report() const { return report_; }
  int status() const { return status_; }  // as waitpid gives it

 private:
  bool has_ended() {
    pid_t ended = 0;
    while ((ended = waitpid(process_.id(), &status_, WNOHANG)) < 0 && errno == EINTR) {
    }
    return ended != 0;
  }

  void read_report() {
    char bytes[4096];
    while (reports_) {
      const ssize_t length = read(process_.report(), bytes, sizeof bytes);
      if (length < 0 && errno == EINTR) continue;
      if (length < 0 && errno == EAGAIN) return;
      reports_ = length > 0;
      if (reports_) report_.append(bytes, static_cast<size_t>(length));
    }
  }

  const ChildProcess& process_;
  std::string report_;
  bool reports_ = true;
  int status_ = 0;
};

ChildEnd end_of(const Child& child, bool told) {
  const std::string& report = child.report();
  if (!report.empty() && report[0] == kDone) return {};
  if (told || (!report.empty() && report[0] == kCancelled)) return {true, ""};
  if (!report.empty()) return {false, report.substr(1)};
  if (WIFSIGNALED(child.status())) {
    const int number = WTERMSIG(child.status());
    return {false, cat("its process was ended by signal ", number, " (", strsignal(number), ")",
                       number == SIGKILL ? "; was there not enough memory?" : "")};
  }
  return {false, cat("its process ended with status ", WEXITSTATUS(child.status()), " without a report")};
}

}  // namespace

ChildEnd run_in_child(const std::function<bool()>& work, const std::function<bool()>& cancelled,
                      const std::function<void()>& meanwhile, std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  (void)std::fflush(nullptr);
  const pid_t parent = getpid();
  const ChildProcess process([&](int report) { run_child(work, report, parent); });
  Child child(process);
  bool told = false, killed = false;
  std::optional<Clock::time_point> deadline;  // of a child that has begun to report, so its work is done
  while (child.wait(std::chrono::milliseconds(child.reports() ? 200 : 20))) {
    if (!told && cancelled && cancelled()) {
      told = true;
      child.send(SIGTERM);
    }
    if (!deadline && !child.report().empty()) deadline = Clock::now() + patience;
    if (deadline && !killed && Clock::now() > *deadline) {
      killed = true;
      child.send(SIGKILL);
    }
    if (meanwhile) meanwhile();
  }
  return end_of(child, told);
}

}  // namespace flam
