#include "framework/base/child_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "framework/base/error.h"
#include "framework/base/text.h"

#ifdef FLAM_COVERAGE
extern "C" void __gcov_dump();
extern "C" void __gcov_reset();
#endif

namespace flam {

void ChildProcess::leave(int status) {
#ifdef FLAM_COVERAGE
  __gcov_dump();
#endif
  _exit(status);
}

ChildProcess::ChildProcess(const std::function<void(int report)>& body) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw RunError(cat("cannot create a pipe: ", std::strerror(errno)));
  id_ = fork();
  if (id_ == 0) {
#ifdef FLAM_COVERAGE
    __gcov_reset();  // the parent counts what ran before the fork
#endif
    body(ends[1]);
    leave(0);
  }
  const int fork_error = errno;
  close(ends[1]);
  if (id_ < 0) {
    close(ends[0]);
    throw RunError(cat("cannot start a child process: ", std::strerror(fork_error)));
  }
  report_ = ends[0];
  // A grandchild may hold the other end open, so reading must not block.
  fcntl(report_, F_SETFL, O_NONBLOCK);
}

ChildProcess::~ChildProcess() {
  close(report_);
}

}  // namespace flam
