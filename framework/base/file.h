#pragma once
// Files: whole reads under a limit, mappings, and outputs that are complete or absent.

#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include "framework/base/export.h"

namespace flam {

/// The whole of a regular file. Errors: missing, not a regular file (device, folder, pipe), larger than
/// `limit` bytes, a Git LFS pointer.
FLAM_API std::string read_file(const std::filesystem::path& path, size_t limit);

/// Reads the next line, and keeps at most `limit` bytes of it; `length` is the length of the whole line,
/// without its end. Returns false at the end of the input.
FLAM_API bool read_line(std::istream& in, std::string& line, size_t& length, size_t limit);

/// A regular file mapped read-only, private. Shared by the tensors that point into it. Errors: as in
/// read_file().
class FLAM_API MappedFile {
 public:
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Writes beside `path` and renames on commit(); a file that is not committed leaves nothing behind. Error:
/// it can't be written, is not a regular file, or standard output or error is redirected to it.
class FLAM_API AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);  // RunError when the disk is full
  void commit();                       // flush, fsync, rename

 private:
  std::filesystem::path path_;
  std::filesystem::path aside_;
  int descriptor_ = -1;
  bool named_ = false;  // whether aside_ exists
};

FLAM_API void write_file(const std::filesystem::path& path, std::string_view bytes);  // through AtomicFile

}  // namespace flam
