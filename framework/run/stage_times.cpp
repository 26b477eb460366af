#include "framework/run/stage_times.h"

#include <algorithm>
#include <numeric>

namespace flam {

double StageTimes::Entry::total() const {
  return std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0);
}

void StageTimes::add(const std::string& stage, double milliseconds) {
  const std::lock_guard lock(mutex_);
  auto entry =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.stage == stage; });
  if (entry == entries_.end()) entry = entries_.insert(entry, {stage, {}});
  entry->milliseconds.push_back(milliseconds);
}

std::vector<StageTimes::Entry> StageTimes::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

StageTimes::Scope::~Scope() {
  if (!times_) return;
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start_;
  times_->add(stage_, elapsed.count());
}

}  // namespace flam
