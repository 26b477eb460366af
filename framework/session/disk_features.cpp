#include "framework/session/disk_features.h"

#include <ATen/ops/empty.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "framework/base/hash.h"
#include "framework/base/log.h"
#include "framework/base/text.h"
#include "framework/weights/checkpoint.h"

namespace flam {

namespace fs = std::filesystem;

namespace {

constexpr double kKeptShare = 0.9;  // when room is made

/// A checksum of the numbers of a contiguous tensor on the CPU.
std::string checksum(const at::Tensor& tensor) {
  const auto* bytes = static_cast<const Bytef*>(tensor.const_data_ptr());
  return std::to_string(crc32_z(crc32_z(0, nullptr, 0), bytes, tensor.nbytes()));
}

struct Entry {
  fs::path file;
  fs::file_time_type used;
  int64_t bytes = 0;
};

/// Files that vanish meanwhile are left out: another process makes room too.
std::vector<Entry> entries_in(const fs::path& folder) {
  std::vector<Entry> out;
  std::error_code gone;
  for (auto at = fs::recursive_directory_iterator(folder, gone); !gone && at != fs::end(at);
       at.increment(gone)) {
    if (at->path().extension() != ".safetensors") continue;
    Entry entry{at->path(), at->last_write_time(gone), 0};
    entry.bytes = gone ? 0 : static_cast<int64_t>(at->file_size(gone));
    if (!gone) out.push_back(std::move(entry));
    gone.clear();
  }
  return out;
}

}  // namespace

DiskFeatures::DiskFeatures(fs::path folder, int64_t most_bytes)
    : folder_(std::move(folder)), most_bytes_(most_bytes) {
  std::error_code problem;
  fs::create_directories(folder_, problem);
  if (problem)
    throw Error(
        cat("cannot make the folder ", quoted(folder_.string()), " of --feature-cache: ", problem.message()));
  write_safetensors(folder_ / ".probe", {{"probe", at::empty({0})}});
  fs::remove(folder_ / ".probe", problem);
  for (const Entry& entry : entries_in(folder_)) bytes_ += entry.bytes;
}

fs::path DiskFeatures::file_of(const std::string& key) const {
  const std::string name = sha256(key);
  return folder_ / name.substr(0, 2) / (name.substr(2) + ".safetensors");
}

at::Tensor DiskFeatures::find(const std::string& key) {
  const fs::path file = file_of(key);
  std::error_code absent;
  if (!fs::is_regular_file(file, absent)) return {};
  try {
    const auto opened = open_checkpoint(file);
    auto metadata = opened->metadata();
    if (metadata["key"] != key) return forget(file, "is of another picture or model"), at::Tensor();
    const at::Tensor features = opened->tensor("features").contiguous();
    if (features.dim() != 3 || metadata["crc32"] != checksum(features))
      return forget(file, "is damaged"), at::Tensor();
    fs::last_write_time(file, fs::file_time_type::clock::now(), absent);  // it is used
    return features;
  } catch (const Error&) {
    forget(file, "is damaged");
  }
  return {};
}

void DiskFeatures::add(const std::string& key, const at::Tensor& features) {
  const fs::path file = file_of(key);
  const at::Tensor kept = features.cpu().contiguous();
  try {
    fs::create_directories(file.parent_path());
    write_safetensors(file, {{"features", kept}}, {{"key", key}, {"crc32", checksum(kept)}});
  } catch (const std::exception& error) {  // a full disk must not end the run
    const std::lock_guard lock(mutex_);
    if (!std::exchange(warned_, true))
      log_warn(cat("features can't be kept in ", quoted(folder_.string()), ": ", error.what()));
    return;
  }
  std::error_code gone;
  const auto size = fs::file_size(file, gone);
  const std::lock_guard lock(mutex_);
  if (!gone) bytes_ += static_cast<int64_t>(size);
  if (bytes_ > most_bytes_) make_room();
}

void DiskFeatures::forget(const fs::path& file, const std::string& why) {
  log_warn(cat(quoted(file.string()), " in the folder of --feature-cache ", why, "; it is computed again"));
  std::error_code gone;
  fs::remove(file, gone);
}

void DiskFeatures::make_room() {
  std::vector<Entry> entries = entries_in(folder_);
  std::ranges::sort(entries, {}, &Entry::used);
  bytes_ = 0;
  for (const Entry& entry : entries) bytes_ += entry.bytes;
  const auto wanted = static_cast<int64_t>(kKeptShare * static_cast<double>(most_bytes_));
  for (const Entry& entry : entries) {
    if (bytes_ <= wanted) break;
    std::error_code gone;
    fs::remove(entry.file, gone);
    bytes_ -= entry.bytes;
  }
}

}  // namespace flam
