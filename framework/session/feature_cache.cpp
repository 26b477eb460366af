#include "framework/session/feature_cache.h"

#include "framework/base/hash.h"
#include "framework/base/text.h"

namespace flam {

FeatureKeys::FeatureKeys(const std::string& setting) : setting_(sha256(setting)) {}

std::string FeatureKeys::key(const std::string& content, int64_t frame) const {
  return cat(content, ":", frame, ":", setting_);
}

at::Tensor FeatureCache::find(const std::string& key) {
  at::Tensor features = find_in_memory(key);
  if (features.defined() || !disk_) return features;
  features = disk_->find(key);
  if (features.defined()) keep_in_memory(key, features);
  return features;
}

void FeatureCache::add(const std::string& key, const at::Tensor& features) {
  if (keep_in_memory(key, features) && disk_) disk_->add(key, features);
}

at::Tensor FeatureCache::find_in_memory(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return {};
  kept_.splice(kept_.begin(), kept_, found->second);
  return found->second->features;
}

bool FeatureCache::keep_in_memory(const std::string& key, const at::Tensor& features) {
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(key)) return false;
  kept_.push_front({key, features});
  by_key_[key] = kept_.begin();
  crops_ += features.size(0);
  while (crops_ > kMostCrops && kept_.size() > 1) {
    crops_ -= kept_.back().features.size(0);
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }
  return true;
}

}  // namespace flam
