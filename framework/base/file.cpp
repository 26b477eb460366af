#include "framework/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <istream>
#include <utility>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

namespace {

std::string reason() {
  return std::strerror(errno);
}

/// A path to an open file, which may have no name. Needs /proc.
std::string by_number(int descriptor) {
  return cat("/proc/self/fd/", descriptor);
}

/// A file descriptor that is closed with its owner.
struct Descriptor {
  int number = -1;
  explicit Descriptor(int n) : number(n) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

/// Opens a regular file and sets `size`. O_NONBLOCK, so that a pipe without a writer doesn't block.
int open_regular(const std::filesystem::path& path, size_t& size) {
  const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (number < 0) throw Error(cat("cannot open ", quoted(path.native()), ": ", reason()));
  struct stat status {};
  const bool known = ::fstat(number, &status) == 0;
  if (known && S_ISREG(status.st_mode)) {
    size = static_cast<size_t>(status.st_size);
    return number;
  }
  ::close(number);
  throw Error(
      cat("cannot read ", quoted(path.native()), ": ",
          known && S_ISDIR(status.st_mode) ? "it is a folder, not a file" : "it is not a regular file"));
}

/// Git LFS leaves a pointer of about 130 bytes where a file was not fetched. No reader wants it.
void refuse_lfs_pointer(const std::filesystem::path& path, std::string_view content) {
  if (!content.starts_with("version https://git-lfs.github.com/spec/")) return;
  throw Error(cat(quoted(path.native()),
                  " is a Git LFS pointer, not the file itself; fetch the file with `git lfs pull`"));
}

bool is_standard_stream(const std::filesystem::path& path) {
  struct stat file {
  }, stream{};
  if (::stat(path.c_str(), &file) != 0) return false;
  for (const int number : {STDOUT_FILENO, STDERR_FILENO}) {
    if (::fstat(number, &stream) == 0 && stream.st_dev == file.st_dev && stream.st_ino == file.st_ino)
      return true;
  }
  return false;
}

}  // namespace

std::string read_file(const std::filesystem::path& path, size_t limit) {
  size_t size = 0;
  const Descriptor file(open_regular(path, size));
  const auto too_large = [&] {
    return Error(cat(quoted(path.native()), " has more than ", limit,
                     " bytes, which is more than such a file may have"));
  };
  if (size > limit) throw too_large();
  std::string content(size, '\0');
  size_t filled = 0;
  for (;;) {  // until the end, because the size may have changed, and is 0 for files in /proc
    if (filled == content.size()) content.resize(filled + 4096);
    const ssize_t got = ::read(file.number, content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(cat("cannot read ", quoted(path.native()), ": ", reason()));
    if (got == 0) break;
    filled += static_cast<size_t>(got);
    if (filled > limit) throw too_large();
  }
  content.resize(filled);
  refuse_lfs_pointer(path, content);
  return content;
}

bool read_line(std::istream& in, std::string& line, size_t& length, size_t limit) {
  line.clear();
  length = 0;
  std::streambuf& bytes = *in.rdbuf();
  for (int next = bytes.sbumpc();; next = bytes.sbumpc()) {
    if (next == std::char_traits<char>::eof()) return length > 0;
    if (next == '\n') return true;
    if (length++ < limit) line.push_back(static_cast<char>(next));
  }
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  std::shared_ptr<MappedFile> mapped(new MappedFile);
  mapped->path_ = path;
  const Descriptor file(open_regular(path, mapped->size_));
  if (mapped->size_ == 0) return mapped;  // mmap refuses empty mappings
  void* memory = ::mmap(nullptr, mapped->size_, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (memory == MAP_FAILED) throw Error(cat("cannot map ", quoted(path.native()), ": ", reason()));
  mapped->data_ = static_cast<const std::byte*>(memory);
  refuse_lfs_pointer(path, mapped->bytes());
  return mapped;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  // Never replace a device or a folder. Checked before links are resolved, as /dev/stdout may lead to no
  // name.
  if (std::filesystem::exists(path_, ignored) && !std::filesystem::is_regular_file(path_, ignored)) {
    throw Error(cat("cannot write ", quoted(path_.native()), ": it exists and is not a regular file"));
  }
  if (is_standard_stream(path_)) {
    throw Error(cat("cannot write ", quoted(path_.native()),
                    ": standard output or error is redirected to it and would be lost; name another file"));
  }
  // Write to a link's target, so that the link stays.
  if (std::filesystem::is_symlink(path_, ignored)) path_ = std::filesystem::weakly_canonical(path_, ignored);
  static std::atomic<unsigned> serial = 0;
  aside_ = path_;
  aside_ += cat(".part-", ::getpid(), "-", serial++);
  // The file has no name until it is complete, so nothing is left behind however the process ends.
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  descriptor_ = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor_ >= 0 && ::access(by_number(descriptor_).c_str(), F_OK) != 0)
    ::close(std::exchange(descriptor_, -1));
  named_ = descriptor_ < 0;  // not every file system has O_TMPFILE, and naming the file needs /proc
  if (named_) descriptor_ = ::open(aside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw Error(cat("cannot write ", quoted(path_.native()), ": ", reason()));
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (named_) ::unlink(aside_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  if (descriptor_ < 0) throw RunError(cat(quoted(path_.native()), " is already committed"));
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw RunError(cat("cannot write ", quoted(path_.native()), ": ", reason()));
    bytes.remove_prefix(static_cast<size_t>(put));
  }
}

void AtomicFile::commit() {
  if (descriptor_ < 0) throw RunError(cat(quoted(path_.native()), " is already committed"));
  const auto give_name = [&] {
    if (named_) return true;
    named_ =
        ::linkat(AT_FDCWD, by_number(descriptor_).c_str(), AT_FDCWD, aside_.c_str(), AT_SYMLINK_FOLLOW) == 0;
    return named_;
  };
  if (::fsync(descriptor_) != 0 || !give_name() || std::rename(aside_.c_str(), path_.c_str()) != 0) {
    throw RunError(cat("cannot write ", quoted(path_.native()), ": ", reason()));
  }
  ::close(std::exchange(descriptor_, -1));
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace flam
