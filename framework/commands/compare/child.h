#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// How a child process ended.
struct ChildEnd {
  bool cancelled = false;
  std::string error;  // "" if it finished its work
};

/// Runs `work` in a child process, so that its memory is freed when it ends and a crash becomes an ordinary
/// error. The caller must have no other threads. If `cancelled` returns true, the child gets one SIGTERM, so
/// that it can end cleanly. The child also ends if the caller dies. It is in its own process group, so Ctrl-C
/// reaches it through the caller only. `work` returns false if it was cancelled. The caller's process calls
/// `meanwhile` several times a second until the child has ended; it must not throw.
///
/// Waits until the child has ended, even if another process still holds its pipe open. A child that has
/// finished its work but does not exit is killed after `patience`.
FLAM_API ChildEnd run_in_child(const std::function<bool()>& work, const std::function<bool()>& cancelled,
                               const std::function<void()>& meanwhile = nullptr,
                               std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace flam
