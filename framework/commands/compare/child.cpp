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

#include "framework/base/child_process.h"
#include "framework/base/text.h"
#include "framework/registry/reason.h"

namespace flam {

namespace {

constexpr char kDone = '+', kCancelled = '.', kFailed = '-';  // first byte of the report; the message follows

void run_child(const std::function<bool()>& work, int report, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);  // it had died before
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

}  // namespace

ChildEnd run_in_child(const std::function<bool()>& work, const std::function<bool()>& cancelled) {
  (void)std::fflush(nullptr);
  const pid_t parent = getpid();
  const ChildProcess child([&](int report) { run_child(work, report, parent); });

  std::string report;
  bool told = false;
  for (;;) {
    if (!told && cancelled && cancelled()) {
      told = true;
      kill(child.id(), SIGTERM);
    }
    pollfd waiting{child.report(), POLLIN, 0};
    if (poll(&waiting, 1, 200) <= 0) continue;  // time to ask again, or a signal
    char bytes[4096];
    const ssize_t length = read(child.report(), bytes, sizeof bytes);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (length <= 0) break;
    report.append(bytes, static_cast<size_t>(length));
  }
  int status = 0;
  while (waitpid(child.id(), &status, 0) < 0 && errno == EINTR) {
  }
  if (!report.empty() && report[0] == kDone) return {};
  if (told || (!report.empty() && report[0] == kCancelled)) return {true, ""};
  if (!report.empty()) return {false, report.substr(1)};
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return {false, cat("its process was ended by signal ", number, " (", strsignal(number), ")",
                       number == SIGKILL ? "; was there too little memory?" : "")};
  }
  return {false, cat("its process ended with status ", WEXITSTATUS(status))};
}

}  // namespace flam
