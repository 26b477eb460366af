#pragma once
// Features of pictures in a folder, which outlive the process.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "framework/base/export.h"

namespace flam {

/// One safetensors file for each picture. Several processes may share a folder: files are complete or absent,
/// and mapped, so that processes share their memory. An entry that is damaged, or of another key, is removed
/// and computed again. Threads may use it at once.
class FLAM_API DiskFeatures {
 public:
  /// When the files have more than `most_bytes` in total, those that were used the longest time ago are
  /// removed. Error: the folder can't be made or written.
  DiskFeatures(std::filesystem::path folder, int64_t most_bytes);

  /// Features [C,P,D] on the CPU; undefined if there are none.
  at::Tensor find(const std::string& key);
  /// Does nothing if a file can't be written, after one warning.
  void add(const std::string& key, const at::Tensor& features);

 private:
  std::filesystem::path file_of(const std::string& key) const;
  void forget(const std::filesystem::path& file, const std::string& why);
  void make_room();

  const std::filesystem::path folder_;
  const int64_t most_bytes_;
  std::mutex mutex_;
  int64_t bytes_ = 0;  // about: other processes may add and remove files
  bool warned_ = false;
};

}  // namespace flam
