#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

/// A file that keeps the records of a run until the run is complete. Records are appended to it, and stay
/// there however the process ends. One process at a time has it.
class FLAM_API PartialFile {
 public:
  /// Opens or creates the file. Error: it can't be written, is not a regular file, or another process has it.
  explicit PartialFile(std::string path);
  /// Removes the file if it is empty.
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::string& path() const { return path_; }
  int descriptor() const { return descriptor_; }  // open for reading
  int64_t size() const { return size_; }
  /// Cuts the file at a size, for example behind its last complete line. RunError: it can't be written.
  void truncate(int64_t size);
  /// Appends bytes. RunError: they can't be written; none of them are kept then.
  void append(std::string_view bytes);
  /// Waits until what was appended is on the disk, or with the server of a network file system. RunError: it
  /// can't be written.
  void sync();
  /// Removes the file.
  void remove();

 private:
  const std::string path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
};

}  // namespace flam
