#include "framework/commands/bench/stage_limit.h"

#include <algorithm>

namespace flam {

double StageWork::flops() const {
  double sum = 0;
  for (const Item& item : items) sum += static_cast<double>(item.flops);
  return runs > 0 ? sum / static_cast<double>(runs) : 0;
}

double StageWork::bytes() const {
  double sum = 0;
  for (const Item& item : items) sum += static_cast<double>(item.bytes);
  return runs > 0 ? sum / static_cast<double>(runs) : 0;
}

double StageWork::operators() const {
  return runs > 0 ? static_cast<double>(calls) / static_cast<double>(runs) : 0;
}

void add_run(StageWork& work, const RecordedStage& stage) {
  ++work.runs;
  for (const OperatorCall& call : stage.calls) {
    if (call.depth == 0) ++work.calls;
    if (call.depth == 0 && (call.flops > 0 || call.bytes > 0)) work.items.push_back({call.flops, call.bytes});
  }
  if (stage.unseen_bytes > 0) work.items.push_back({0, stage.unseen_bytes});
}

StageLimit limit_of(const StageWork& work, double flops_per_second, double bytes_per_second) {
  StageLimit limit;
  if (work.runs == 0) return limit;
  const double share = 1e3 / static_cast<double>(work.runs);
  for (const StageWork::Item& item : work.items) {
    const double computing = static_cast<double>(item.flops) / flops_per_second,
                 reading = static_cast<double>(item.bytes) / bytes_per_second;
    (computing >= reading ? limit.matrix_ms : limit.memory_ms) += share * std::max(computing, reading);
  }
  return limit;
}

}  // namespace flam
