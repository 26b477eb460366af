#pragma once
// Runs another program under limits, and reads what it prints.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/base/export.h"

namespace flam {

struct ChildProgram {
  std::vector<std::string> command;         // the path of the program, and its arguments
  std::vector<std::string> environment;     // "NAME=value"; it gets no other variables
  int input = -1;                           // an open file, which becomes its descriptor 3; −1: none
  double seconds = 60;                      // it is killed after this time
  int64_t memory_bytes = int64_t{1} << 30;  // most bytes of data, that is, memory that it can write to
};

/// How a program ended.
struct ProgramEnd {
  enum class How { exited, killed, timed_out, stopped };
  How how = How::exited;
  int status = 0;     // exit status, or the signal that killed it
  std::string error;  // the beginning of what it wrote to standard error, at most 4 KiB
};

/// Runs a program and passes its standard output to `take`, piece by piece, until it ends. It is killed
/// ("stopped") if `take` returns false. It can't write to files, inherits no descriptors besides those named
/// here, and ends with the calling thread. RunError: it can't be started.
FLAM_API ProgramEnd run_program(const ChildProgram& program,
                                const std::function<bool(std::string_view piece)>& take);

}  // namespace flam
