#include "plugins/dataset/webdataset/tar.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace flam {

namespace {

constexpr size_t kBlock = 512;
constexpr size_t kLongestName = size_t{1} << 20;  // and pax header

/// Reads the headers of an archive (POSIX.1-2001 "pax", and the manual of GNU tar, "Basic Tar Format").
class TarReader {
 public:
  explicit TarReader(const MappedFile& archive) : path_(archive.path().string()) {
    if (archive.size() > 0) bytes_ = archive.bytes();
    for (const std::string_view magic : {"\x1f\x8b", "\x28\xb5\x2f\xfd", "BZh", "\xfd\x37zXZ"}) {
      if (bytes_.starts_with(magic))
        throw Error(cat(quoted(path_), " is compressed; unpack it to a plain .tar, which is read in place"));
    }
  }

  std::vector<TarMember> read() {
    std::vector<TarMember> out;
    while (next_header()) {
      const char type = header_[156];
      const bool describes_next = type == 'L' || type == 'K' || type == 'x';
      const size_t size = pax_size_ && !describes_next ? *pax_size_ : number(124, 12);
      if (size > bytes_.size() - at_)
        fail(cat("the content of ", size, " bytes goes beyond the end of the archive"));
      if (describes_next || type == 'g') {
        describe(type, bytes_.substr(at_, size));
      } else if (type == '0' || type == '\0' || type == '7') {
        std::string name = long_name_.value_or(short_name());
        if (!name.ends_with('/')) out.push_back({std::move(name), at_, size});
      } else if (type == 'S') {
        fail("sparse files are not supported");
      }
      if (!describes_next) {
        long_name_.reset();
        pax_size_.reset();
      }
      at_ = std::min(bytes_.size(), at_ + (size + kBlock - 1) / kBlock * kBlock);
    }
    return out;
  }

 private:
  /// Goes behind the next header. Returns false at the end, which is a block of zeros or the end of the file.
  bool next_header() {
    if (at_ == bytes_.size()) {
      if (at_ == 0) fail("the file is empty");
      return false;
    }
    header_at_ = at_;
    if (bytes_.size() - at_ < kBlock) fail("the archive is truncated in a header");
    header_ = bytes_.substr(at_, kBlock);
    if (header_.find_first_not_of('\0') == std::string_view::npos) return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < kBlock; ++i)
      sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header_[i]);
    if (sum != number(148, 8))
      fail("this is not the header of a file; the archive is damaged, or it is no tar archive");
    at_ += kBlock;
    return true;
  }

  std::string_view field(size_t begin, size_t size) const {
    const std::string_view whole = header_.substr(begin, size);
    return whole.substr(0, whole.find('\0'));
  }

  /// Octal digits, or a big-endian number if the first bit is set (GNU).
  size_t number(size_t begin, size_t size) const {
    const std::string_view digits = header_.substr(begin, size);
    uint64_t value = 0;
    if (static_cast<unsigned char>(digits[0]) == 0x80) {
      for (const char digit : digits.substr(1)) {
        if (value >> 55) fail("a number is too large");
        value = value << 8 | static_cast<unsigned char>(digit);
      }
      return value;
    }
    const size_t first = digits.find_first_not_of(' ');
    for (size_t i = first; i < digits.size() && digits[i] != '\0' && digits[i] != ' '; ++i) {
      if (digits[i] < '0' || digits[i] > '7') {
        fail(cat("this is not the header of a file (expected an octal number, found ", quoted(digits),
                 "); the archive is damaged, or it is no tar archive"));
      }
      value = value << 3 | static_cast<uint64_t>(digits[i] - '0');
    }
    return value;
  }

  std::string short_name() const {
    const std::string name(field(0, 100));
    const bool has_prefix = header_.substr(257, 6) == std::string_view("ustar\0", 6);
    const std::string prefix(has_prefix ? field(345, 155) : "");
    return prefix.empty() ? name : prefix + "/" + name;
  }

  /// Takes what a header says about the next file.
  void describe(char type, std::string_view content) {
    if (content.size() > kLongestName)
      fail(cat("a name or header of ", content.size(), " bytes is too long"));
    if (type == 'L') long_name_ = std::string(content.substr(0, content.find('\0')));
    if (type != 'x') return;
    while (!content.empty()) {  // "LENGTH KEY=VALUE\n"
      const size_t space = content.find(' ');
      const size_t length =
          space == std::string_view::npos || space > 7 ? 0 : decimal(content.substr(0, space));
      if (length <= space + 1 || length > content.size() || content[length - 1] != '\n')
        fail("a pax header is damaged");
      const std::string_view record = content.substr(space + 1, length - space - 2);
      const size_t equals = std::min(record.find('='), record.size());
      const std::string_view key = record.substr(0, equals);
      const std::string_view value = record.substr(std::min(equals + 1, record.size()));
      if (key == "path") long_name_ = std::string(value);
      if (key == "size") pax_size_ = decimal(value);
      if (key.starts_with("GNU.sparse")) fail("sparse files are not supported");
      content.remove_prefix(length);
    }
  }
  size_t decimal(std::string_view digits) const {
    size_t value = 0;
    for (const char digit : digits) {
      if (digit < '0' || digit > '9' || value >> 58) fail("a pax header is damaged");
      value = value * 10 + static_cast<size_t>(digit - '0');
    }
    return value;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(cat(quoted(path_), ", byte ", header_at_, ": ", what));
  }

  std::string path_;
  std::string_view bytes_, header_;
  size_t at_ = 0, header_at_ = 0;
  std::optional<std::string> long_name_;
  std::optional<size_t> pax_size_;
};

}  // namespace

std::vector<TarMember> list_tar(const MappedFile& archive) {
  return TarReader(archive).read();
}

}  // namespace flam
