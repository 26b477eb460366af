#include "framework/base/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "framework/base/error.h"
#include "framework/base/text.h"

namespace flam {

PartialFile::PartialFile(std::string path) : path_(std::move(path)) {
  const auto refuse = [&](const std::string& why) {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    throw Error(why);
  };
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor_ < 0) refuse(cat("cannot write ", quoted(path_), ": ", std::strerror(errno)));
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
    refuse(cat("cannot write ", quoted(path_), ": it is not a regular file"));
  const bool locked = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  // The other run may have ended, and removed the file, between the two calls.
  if (!locked || ::fstat(descriptor_, &status) != 0 || status.st_nlink == 0)
    refuse(cat("another run is writing to ", quoted(path_), "; wait for its end"));
  size_ = status.st_size;
}

PartialFile::~PartialFile() {
  if (descriptor_ < 0) return;
  // The lock is still held.
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0 && status.st_nlink > 0 && status.st_size == 0) remove();
  ::close(descriptor_);
}

void PartialFile::truncate(int64_t size) {
  if (::ftruncate(descriptor_, size) != 0)
    throw RunError(cat("cannot write ", quoted(path_), ": ", std::strerror(errno)));
  size_ = size;
}

void PartialFile::append(std::string_view bytes) {
  const auto end = size_ + static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put > 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
      continue;
    }
    const std::string reason = put < 0 ? std::strerror(errno) : "nothing was written";
    [[maybe_unused]] const int cut = ::ftruncate(descriptor_, size_);  // if this fails, the next run does it
    throw RunError(cat("cannot write ", quoted(path_), ": ", reason,
                       "; it keeps the answers so far, and the same command continues from them"));
  }
  size_ = end;
}

void PartialFile::sync() {
  // Some file systems can't do it.
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOSYS)
    throw RunError(cat("cannot write ", quoted(path_), ": ", std::strerror(errno)));
}

void PartialFile::remove() {
  ::unlink(path_.c_str());
}

}  // namespace flam
