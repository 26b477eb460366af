#pragma once
#include <sys/types.h>

#include <functional>

#include "framework/base/export.h"

namespace flam {

/// A forked child and the pipe on which it reports.
class FLAM_API ChildProcess {
 public:
  /// The child runs body(report), where `report` is the pipe's end to write to, and exits with status 0 when
  /// it returns; body must not throw. RunError: the pipe or the process cannot be created.
  explicit ChildProcess(const std::function<void(int report)>& body);
  ~ChildProcess();  // closes the pipe; does not wait
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t id() const { return id_; }
  int report() const { return report_; }  // the end to read from; reading doesn't block

  /// Exits from a child without running its parent's exit handlers or writing its parent's buffers.
  [[noreturn]] static void leave(int status);

 private:
  pid_t id_ = -1;
  int report_ = -1;
};

}  // namespace flam
