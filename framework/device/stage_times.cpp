#include "framework/device/stage_times.h"

#include <algorithm>
#include <numeric>

#include "framework/device/device.h"

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

StageTimes::Scope::Scope(StageTimes* times, const char* stage, c10::Device device)
    : times_(times), stage_(stage), device_(device) {
  if (times_) synchronize(device_);  // work that was queued earlier does not belong to this stage
  start_ = std::chrono::steady_clock::now();
}

StageTimes::Scope::~Scope() {
  if (!times_) return;
  synchronize(device_);
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start_;
  times_->add(stage_, elapsed.count());
}

}  // namespace flam
