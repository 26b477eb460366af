#pragma once
#include <chrono>
#include <functional>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// How a child process ended.
struct ChildEnd {
  bool cancelled = false;
  std::string error;  // "": it did its work
};

/// Runs `work` in a child process, so that its memory goes with it and a crash is an error like others. The
/// caller must have no other threads. Asked by `cancelled`, the child gets one SIGTERM, to end as it does on
/// its own; when the caller dies, the child does. The child is in a process group of its own: Ctrl-C reaches
/// it through the caller only. `work` returns false if it was cancelled.
///
/// Waits until the child has ended, whoever still holds its pipe open. A child that has finished
/// its work and hangs on its way out is killed after `patience`.
FLAM_API ChildEnd run_in_child(const std::function<bool()>& work, const std::function<bool()>& cancelled,
                               std::chrono::milliseconds patience = std::chrono::seconds(10));

}  // namespace flam
