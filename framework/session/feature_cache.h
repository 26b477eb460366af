#pragma once
// Keys that identify the features of a picture, and a cache of the most recently used features.

#include <ATen/core/Tensor.h>

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "framework/base/export.h"
#include "framework/session/disk_features.h"

namespace flam {

/// Makes the key under which the features of a picture are cached. It covers everything that the features
/// depend on, so two pictures with the same key have equal features.
class FLAM_API FeatureKeys {
 public:
  /// `setting`: what is the same for every picture: decoding options, transforms, backbone, dtype, and, for
  /// a cache that outlives the session, the hash of its weights.
  explicit FeatureKeys(const std::string& setting);
  /// `content` identifies the encoded bytes or the decoded pixels, `frame` the frame of an animation.
  std::string key(const std::string& content, int64_t frame = 0) const;

 private:
  std::string setting_;  // its hash
};

/// An LRU cache of picture features [C,P,D], of C crops each, in memory and, if there is `disk`, in a folder.
/// It may be used from several threads.
class FLAM_API FeatureCache {
 public:
  explicit FeatureCache(std::unique_ptr<DiskFeatures> disk = nullptr) : disk_(std::move(disk)) {}
  /// Returns an undefined tensor if the features are not cached.
  at::Tensor find(const std::string& key);
  void add(const std::string& key, const at::Tensor& features);

 private:
  static constexpr int64_t kMostCrops = 64;  // of all pictures; the last one is always kept
  struct Kept {
    std::string key;
    at::Tensor features;
  };
  at::Tensor find_in_memory(const std::string& key);
  bool keep_in_memory(const std::string& key, const at::Tensor& features);

  std::unique_ptr<DiskFeatures> disk_;
  std::mutex mutex_;
  std::list<Kept> kept_;  // most recently used first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_key_;
  int64_t crops_ = 0;
};

}  // namespace flam
