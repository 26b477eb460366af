#include "framework/base/child_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <optional>
#include <thread>

#include "framework/base/child_process.h"
#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kFirstFree = 10;  // above the descriptors that the program gets
constexpr int kCannotStart = 127;
constexpr size_t kMostErrorBytes = 4096;

/// The pipe on which the program writes its errors. The reading end doesn't block.
class ErrorPipe {
 public:
  ErrorPipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) throw RunError(cat("cannot create a pipe: ", std::strerror(errno)));
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~ErrorPipe() {
    close(ends_[0]);
    close_writing_end();
  }
  ErrorPipe(const ErrorPipe&) = delete;
  ErrorPipe& operator=(const ErrorPipe&) = delete;

  void close_writing_end() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  int reading_end() const { return ends_[0]; }
  int writing_end() const { return ends_[1]; }

 private:
  int ends_[2] = {-1, -1};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

void limit(decltype(RLIMIT_DATA) resource, int64_t most) {
  const rlimit both{static_cast<rlim_t>(most), static_cast<rlim_t>(most)};
  setrlimit(resource, &both);
}

/// What the child does. Only calls that are safe after a fork of a process with threads.
void start(const ChildProgram& program, int output, int errors, char* const* command,
           char* const* environment) {
  // Away from the low numbers, so that none of them is overwritten before it is duplicated.
  output = fcntl(output, F_DUPFD, kFirstFree);
  errors = fcntl(errors, F_DUPFD, kFirstFree);
  const int input = program.input < 0 ? -1 : fcntl(program.input, F_DUPFD, kFirstFree);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  if (input >= 0) dup2(input, 3);
  const int first_unused = input >= 0 ? 4 : 3;
#ifdef SYS_close_range
  if (syscall(SYS_close_range, first_unused, ~0U, 0) != 0)
#endif
    for (int descriptor = first_unused; descriptor < 1024; ++descriptor) close(descriptor);

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_DATA, program.memory_bytes);
  limit(RLIMIT_AS, 4 * program.memory_bytes);  // also counts libraries, and memory that is only reserved
  execve(command[0], command, environment);
  _exit(kCannotStart);
}

/// Reads what is there. Returns false at the end.
bool read_some(int descriptor, const std::function<bool(std::string_view)>& take, bool& goes_on) {
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    goes_on = take({buffer.data(), static_cast<size_t>(count)});
    if (!goes_on) return true;
  }
}

class Run {
 public:
  Run(const ChildProgram& program, const std::function<bool(std::string_view)>& take)
      : take_(take),
        end_time_(Clock::now() + std::chrono::microseconds(std::llround(program.seconds * 1e6))) {
    const std::vector<char*> command = pointers(program.command);
    const std::vector<char*> environment = pointers(program.environment);
    child_.emplace([&](int report) {
      start(program, report, errors_.writing_end(), command.data(), environment.data());
    });
    errors_.close_writing_end();
  }

  ProgramEnd run() {
    try {
      read_output();
    } catch (...) {
      end(ProgramEnd::How::stopped);
      throw;
    }
    return std::move(out_);
  }

 private:
  void read_output() {
    std::array<pollfd, 2> ends = {{{child_->report(), POLLIN, 0}, {errors_.reading_end(), POLLIN, 0}}};
    const auto keep_error = [this](std::string_view piece) {
      out_.error += piece.substr(0, kMostErrorBytes - std::min(kMostErrorBytes, out_.error.size()));
      return true;
    };
    bool goes_on = true;
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end_time_ - Clock::now()).count();
      if (left <= 0) return end(ProgramEnd::How::timed_out);
      const int ready = poll(ends.data(), ends.size(), static_cast<int>(std::min<int64_t>(left, 1000)));
      if (ready <= 0) continue;
      if (ends[0].revents != 0 && !read_some(child_->report(), take_, goes_on)) ends[0].fd = -1;
      if (!goes_on) return end(ProgramEnd::How::stopped);
      if (ends[1].revents != 0 && !read_some(errors_.reading_end(), keep_error, goes_on)) ends[1].fd = -1;
    }
    for (int status = 0; Clock::now() < end_time_;) {  // it has closed its outputs, but may hang
      const pid_t ended = waitpid(child_->id(), &status, WNOHANG);
      if (ended == child_->id()) return note(status);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    end(ProgramEnd::How::timed_out);
  }

  void note(int status) {
    out_.how = WIFSIGNALED(status) ? ProgramEnd::How::killed : ProgramEnd::How::exited;
    out_.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  }

  void end(ProgramEnd::How how) {
    kill(child_->id(), SIGKILL);
    int status = 0;
    while (waitpid(child_->id(), &status, 0) < 0 && errno == EINTR) {
    }
    out_.how = how;
  }

  const std::function<bool(std::string_view)>& take_;
  const Clock::time_point end_time_;
  ErrorPipe errors_;
  std::optional<ChildProcess> child_;
  ProgramEnd out_;
};

}  // namespace

ProgramEnd run_program(const ChildProgram& program, const std::function<bool(std::string_view piece)>& take) {
  if (access(program.command.front().c_str(), X_OK) != 0) {
    throw RunError(
        cat("the program ", quoted(program.command.front()), " can't be started: ", std::strerror(errno)));
  }
  return Run(program, take).run();
}

}  // namespace flam
