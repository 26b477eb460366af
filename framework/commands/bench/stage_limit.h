#pragma once
// The least time that a stage can take on a machine.

#include <cstdint>
#include <vector>

#include "framework/commands/bench/operator_record.h"

namespace flam {

/// The work of a stage: that of its operators, as recorded in one run of it or in several alike.
struct FLAM_API StageWork {
  struct Item {
    int64_t flops = 0, bytes = 0;
  };
  std::vector<Item> items;
  int64_t calls = 0;  // of operators, among them those without work, such as views
  int64_t runs = 0;   // that the items are from

  double flops() const;  // of one run
  double bytes() const;
  double operators() const;
};

/// Adds one recorded run.
FLAM_API void add_run(StageWork& work, const RecordedStage& stage);

/// Milliseconds of the operators of one run that wait for the matrix units, and of those that wait for
/// memory.
struct StageLimit {
  double matrix_ms = 0, memory_ms = 0;
  double ms() const { return matrix_ms + memory_ms; }
};

/// The roofline model (Williams, Waterman, Patterson 2009): an operator takes the longer of its operations at
/// `flops_per_second` and its bytes at `bytes_per_second`, which is to say that it reaches the lower of the
/// matrix peak and bandwidth × arithmetic intensity. The operators of a stage run one after the other.
FLAM_API StageLimit limit_of(const StageWork& work, double flops_per_second, double bytes_per_second);

}  // namespace flam
